import { entriesOf } from './entries.ts';
import { HASHED_AT_ONCE, hashFile, hashLink } from './hash.ts';
import { inOrder } from './in-order.ts';
import { inStep } from './in-step.ts';
import { readManifest, readSummary } from './manifest.ts';
import { bytePath, type BytePath } from './walk.ts';

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
  const hasManifest = (await readSummary(mirror)) !== undefined;
  if (!hasManifest) return { ok: false, hasManifest, checked: 0, differing: [] };
  const differing: Difference[] = [];
  const differs = (path: BytePath, problem: Difference['problem']): void =>
    void differing.push({ path: textOf(path), problem });
  const lines = inStep(readManifest(mirror), ({ path }) => differs(path, 'missing'));
  const root = bytePath(mirror);
  let checked = 0;
  const judged = inOrder(entriesOf(root, lines), HASHED_AT_ONCE, async ({ path, stats, line }) => {
    signal.throwIfAborted();
    if (line === undefined) return { path, problem: 'not in the manifest' } as const;
    const full = `${root}/${path}`;
    const isSame =
      (line.kind === 'file') === stats.isFile() &&
      line.sha256 === (stats.isFile() ? await hashFile(full, stats.size, signal) : await hashLink(full));
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

function textOf(path: BytePath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}
