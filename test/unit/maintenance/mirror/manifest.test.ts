import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  manifestLine,
  parseLine,
  parseSummary,
  summaryLine,
} from '../../../../src/maintenance/mirror/manifest.ts';
import { comparePaths } from '../../../../src/maintenance/mirror/walk.ts';

const SHA = 'a'.repeat(64);
const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 ? 1 : byte))).toString('latin1'));
const path = fc.oneof(
  name,
  fc
    .array(fc.constantFrom('a', '\\', '\n', '\r', ' ', '-', '.', '\\n'), { minLength: 1 })
    .map((all) => all.join('')),
);

test('a line is one line, and says again what it was made of, whatever bytes a name has', () => {
  fc.assert(
    fc.property(path, fc.constantFrom('file' as const, 'symlink' as const), (path, kind) => {
      const line = manifestLine({ kind, sha256: SHA, path });
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(parseLine(line.slice(0, -1))).toEqual({ kind, sha256: SHA, path });
    }),
  );
});

test.each([
  '',
  '# a comment',
  summaryLine({ at: 0, checkedAt: 0, files: 1, bytes: 2 }).trim(),
  `${SHA} a`,
  `${SHA.slice(1)}  a`,
])('%j is no line of a file', (line) => {
  expect(parseLine(line)).toBeUndefined();
});

test('the summary is known only where the manifest ends with it, whole', () => {
  const whole = {
    at: Date.parse('2026-11-20T03:00:00Z'),
    checkedAt: Date.parse('2026-11-01T03:00:00Z'),
    files: 3,
    bytes: 12,
  };
  const line = summaryLine(whole);
  expect(parseSummary(line)).toMatchObject(whole);
  expect(parseSummary(`${SHA}  a\n${line}`)).toMatchObject(whole);
  expect(parseSummary(`${line}${SHA}  a\n`)).toBeUndefined();
  for (let length = 0; length < line.length; length += 1)
    expect(parseSummary(line.slice(0, length))).toBeUndefined();
  expect(parseSummary(line.replace('"files":3', '"files":three'))).toBeUndefined();
  expect(parseSummary(line.replace('"v":1', '"v":2'))).toBeUndefined();
});

test('paths are ordered as a walk comes to them: a directory before what lies in it, all of that before its next neighbour', () => {
  const walked = ['a', 'a/b', 'a/b/c', 'a/b-', 'a b', 'a-b', 'a.b', 'b', 'é'];
  expect(walked.toSorted(comparePaths)).toEqual(walked);
});
