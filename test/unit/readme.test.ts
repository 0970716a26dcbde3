import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

test('every wing and folder that the tour of the code names is there', () => {
  const text = readFileSync(join(ROOT, 'src/README.md'), 'utf8');
  const wings = [...text.matchAll(/^\| `(\w+)\/` /gm)].map(([, wing]) => wing);
  expect(wings.toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(
    readdirSync(join(ROOT, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .toSorted(),
  );
  const inRoot = [...text.matchAll(/`((?:workers|bin)\/)`/g)].map(([, path]) => path ?? '');
  expect(inRoot.length).toBeGreaterThan(1);
  for (const path of inRoot) expect(existsSync(join(ROOT, path)), path).toBe(true);
});

test('every file that the tour of the code names is there', () => {
  const text = readFileSync(join(ROOT, 'src/README.md'), 'utf8');
  const named = [...text.matchAll(/`((?:src|test|docs)\/[^`]+)`/g)].map(([, path]) => path);
  expect(named.length).toBeGreaterThan(7);
  for (const path of named) expect(existsSync(join(ROOT, path ?? '')), path).toBe(true);
});

test('every name that the glossary gives stands in the code', () => {
  const glossary = readFileSync(join(ROOT, 'src/README.md'), 'utf8').split('\n## Glossary\n')[1] ?? '';
  const rows = glossary
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2);
  expect(rows.length).toBeGreaterThan(20);
  const code = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'))
    .join('\n');
  const words = new Set(code.match(/\w+/g));
  for (const row of rows) {
    const where = row.split(' | ').at(-1) ?? '';
    const names = [...where.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    expect(names.length, row).toBeGreaterThan(0);
    for (const name of names.filter((name) => !name.includes('/'))) expect(words, row).toContain(name);
  }
});

test('every document that the README links to is there', () => {
  const linked = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/\]\(([^)]+)\)/g)].map(
    ([, path]) => path,
  );
  expect(linked.length).toBeGreaterThan(4);
  for (const path of linked) expect(existsSync(join(ROOT, path ?? '')), path).toBe(true);
});

test('every route of the dashboard stands in its document', () => {
  const routes = join(ROOT, 'src/web/routes');
  const told = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');
  const served = readdirSync(routes).flatMap((file) =>
    [...readFileSync(join(routes, file), 'utf8').matchAll(/server\.(get|post)\('([^']+)'/g)].map(
      ([, method = '', path = '']) => `${method.toUpperCase()} ${path}`,
    ),
  );
  expect(served.length).toBeGreaterThan(10);
  for (const route of served.filter((route) => !route.endsWith(' /login')))
    expect(told).toContain(`\`${route}\``);
});
