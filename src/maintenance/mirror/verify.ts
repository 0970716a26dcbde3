import { openDirectory } from '../../platform/linux/index.ts';
import { entriesOf } from './entries.ts';
import { HASHED_AT_ONCE, hashFile, hashLink } from './hash.ts';
import { inOrder } from './in-order.ts';
import { inStep } from './in-step.ts';
import { readManifest, readSummary } from './manifest.ts';
import { textOf, type BytePath } from './walk.ts';

/** How a mirror differs from its manifest. */
export interface Difference {
  /** Below the mirror, as text. */
  readonly path: string;
  readonly problem: 'changed' | 'missing' | 'not in the manifest';
}

export interface VerifiedMirror {
  /** False also where there is no manifest to compare with. */
  readonly ok: boolean;
  readonly hasManifest: boolean;
  /** Files and symlinks that were read. */
  readonly checked: number;
  readonly differing: readonly Difference[];
}

/** Reads every file of a mirror and compares it with the manifest. Throws what the system says, or the abort's reason. */
export async function verifyMirror(
  { path: mirror }: { readonly path: string },
  signal: AbortSignal,
): Promise<VerifiedMirror> {
  await using root = await openDirectory(mirror);
  const hasManifest = (await readSummary(root)) !== undefined;
  if (!hasManifest) return { ok: false, hasManifest, checked: 0, differing: [] };
  const differing: Difference[] = [];
  const differs = (path: BytePath, problem: Difference['problem']): void =>
    void differing.push({ path: textOf(path), problem });
  const lines = inStep(readManifest(root), ({ path }) => differs(path, 'missing'));
  let checked = 0;
  const judged = inOrder(entriesOf(root, lines), HASHED_AT_ONCE, async ({ path, stats, line, use }) => {
    signal.throwIfAborted();
    if (line === undefined) return { path, problem: 'not in the manifest' } as const;
    const sha256 = await use((here) =>
      stats.isFile() ? hashFile(here, stats.size, signal) : hashLink(here),
    );
    const isSame = (line.kind === 'file') === stats.isFile() && line.sha256 === sha256;
    return { path, problem: isSame ? undefined : ('changed' as const) };
  });
  for await (const { path, problem } of judged) {
    checked += 1;
    if (problem !== undefined) differs(path, problem);
  }
  await lines.finish();
  return {
    ok: differing.length === 0,
    hasManifest,
    checked,
    differing: differing.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
}
