import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inStep } from '../../../../src/maintenance/mirror/in-step.ts';
import type { ManifestLine } from '../../../../src/maintenance/mirror/manifest.ts';
import { comparePaths } from '../../../../src/maintenance/mirror/walk.ts';

const lineOf = (path: string): ManifestLine => ({ kind: 'file', sha256: path, path });

async function* linesOf(paths: readonly string[]): AsyncGenerator<ManifestLine> {
  for (const path of paths) yield await Promise.resolve(lineOf(path));
}

test('what two sorted lists share is found, what only the manifest has is passed over, once', async () => {
  const paths = fc
    .uniqueArray(fc.constantFrom('a', 'a/b', 'a/b/c', 'a-b', 'a b', 'b', 'c/d', 'é'))
    .map((all) => all.toSorted(comparePaths));
  await fc.assert(
    fc.asyncProperty(paths, paths, async (noted, walked) => {
      const passed: string[] = [];
      const step = inStep(linesOf(noted), ({ path }) => passed.push(path));
      for (const path of walked) {
        expect(await step.lineOf(path)).toEqual(noted.includes(path) ? lineOf(path) : undefined);
      }
      await step.finish();
      expect(passed).toEqual(noted.filter((path) => !walked.includes(path)));
    }),
  );
});

test('without a manifest nothing is known', async () => {
  const step = inStep(undefined);
  expect(await step.lineOf('a')).toBeUndefined();
  await step.finish();
  await step.close();
});
