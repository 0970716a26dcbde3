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
  const named = [...readFileSync(join(ROOT, 'src/README.md'), 'utf8').matchAll(/`(src\/[^`]+)`/g)].map(
    ([, path]) => path,
  );
  expect(named.length).toBeGreaterThan(7);
  for (const path of named) expect(existsSync(join(ROOT, path ?? '')), path).toBe(true);
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
