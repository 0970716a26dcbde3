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

/** The steps of a way through the code: its files, each with the functions to begin at. */
function stepsOf(part: string): readonly { readonly file: string; readonly begins: readonly string[] }[] {
  return [...part.matchAll(/`(src\/[\w./-]+\.ts)`((?:,? `\w+`)*)/g)].map(([, file = '', names = '']) => ({
    file,
    begins: [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  }));
}

const WAYS = readFileSync(join(ROOT, 'src/README.md'), 'utf8')
  .split(/^## /m)
  .filter((part) => part.startsWith('The life of '));

test.each(WAYS.map((way) => [way.split('\n')[0], way] as const))(
  '%s: each step begins at a function of its file',
  (_, way) => {
    const steps = stepsOf(way).filter(({ begins }) => begins.length > 0);
    expect(steps.length).toBeGreaterThan(5);
    for (const { file, begins } of steps)
      for (const name of begins)
        expect(readFileSync(join(ROOT, file), 'utf8'), file).toMatch(
          new RegExp(`export (?:async )?function\\*? ${name}\\b`),
        );
  },
);

test('a step of the way through ingest is called by one before it in its role', () => {
  const roles = (WAYS.find((way) => way.startsWith('The life of a recording')) ?? '')
    .split('\nThe role ')
    .slice(1);
  expect(roles.length).toBe(4);
  for (const role of roles) {
    const steps = stepsOf(role.split('\nAround them')[0] ?? '').filter(({ file }) =>
      file.startsWith('src/ingest/'),
    );
    for (const [at, { begins }] of steps.entries()) {
      const before = steps.slice(0, at).map(({ file }) => readFileSync(join(ROOT, file), 'utf8'));
      for (const name of at === 0 ? [] : begins)
        expect(
          before.some((text) => new RegExp(`\\b${name}\\(`).test(text)),
          name,
        ).toBe(true);
    }
  }
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
