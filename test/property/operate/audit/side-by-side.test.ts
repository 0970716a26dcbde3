import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, sideBySide } from '../../../../src/operate/audit/compare.ts';
import type { AuditedRow } from '../../../../src/domain/ledger.ts';
import type { ListedObject } from '../../../../src/platform/s3/index.ts';

const row = (key: string): AuditedRow => ({
  path: `/x/${key}`,
  key,
  tar: '/in/a.tar',
  size: 10,
  sha256: 'aa',
  etag: '"e"',
});
const listed = (key: string): ListedObject => ({ key, size: 10, etag: '"e"', modified: 0 });

test('rows and objects meet exactly where their keys are equal, in the order of UTF-8 bytes', async () => {
  const keys = fc.uniqueArray(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }).map((key) => key.toWellFormed()),
  );
  await fc.assert(
    fc.asyncProperty(keys, keys, async (ofRows, ofObjects) => {
      async function* rows(): AsyncGenerator<readonly AuditedRow[]> {
        const sorted = ofRows.toSorted(compareKeys).map((key) => row(key));
        for (let at = 0; at < sorted.length; at += 2) yield sorted.slice(at, at + 2);
      }
      async function* objects(): AsyncGenerator<ListedObject> {
        for (const key of ofObjects.toSorted(compareKeys)) yield listed(key);
      }
      const seen = { both: new Set<string>(), row: new Set<string>(), object: new Set<string>() };
      for await (const pair of sideBySide(rows(), objects())) {
        if (pair.row === undefined) seen.object.add(pair.object.key);
        else if (pair.object === undefined) seen.row.add(pair.row.key ?? '');
        else {
          expect(pair.object.key).toBe(pair.row.key);
          seen.both.add(pair.object.key);
        }
      }
      const objectKeys = new Set(ofObjects);
      expect(seen.both).toEqual(new Set(ofRows.filter((key) => objectKeys.has(key))));
      expect(seen.row).toEqual(new Set(ofRows.filter((key) => !objectKeys.has(key))));
      expect(seen.object).toEqual(new Set(ofObjects.filter((key) => !ofRows.includes(key))));
    }),
  );
});
