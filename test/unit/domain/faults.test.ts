import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAULTS, messageOf } from '../../../src/domain/faults.ts';

test('docs/errors.md lists every fault with its cause, exit code and remedy, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
  const documented = [
    ...text.matchAll(/^\| `([A-Z_0-9]+)`\s*\| `(\w+)`\s*\|[^|]*\| (\d+)\s*\| (.*?)\s*\|$/gm),
  ].map(([, code, cause, exit, remedy]) => ({ code, cause, exit: Number(exit), remedy }));
  expect(documented).toEqual(
    Object.entries(FAULTS).map(([code, { cause, exit, remedy }]) => ({ code, cause, exit, remedy })),
  );
});

test('what was done in an open directory is told by the name that it has there', () => {
  const error = new Error(
    "ENOENT: no such file or directory, rename '/proc/self/fd/25/a b' -> '/proc/self/fd/9/c'",
  );
  expect(messageOf(error)).toBe("ENOENT: no such file or directory, rename 'a b' -> 'c'");
  expect(messageOf(new Error("EACCES: permission denied, scandir '/proc/self/fd/25'"))).toContain(
    '/proc/self/fd/25',
  );
});
