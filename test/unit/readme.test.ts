import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

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
