import { hashFile, hashLink } from './hash.ts';
import { inStep } from './in-step.ts';
import { readManifest, readSummary, type ManifestLine } from './manifest.ts';
import { MANIFEST } from './names.ts';
import { bytePath, walk, type BytePath } from './walk.ts';

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
  let checked = 0;
  const root = bytePath(mirror);
  for await (const { path, stats } of walk(root)) {
    signal.throwIfAborted();
    const kind: ManifestLine['kind'] | undefined = stats.isFile()
      ? 'file'
      : stats.isSymbolicLink()
        ? 'symlink'
        : undefined;
    if (kind === undefined || path === MANIFEST) continue;
    checked += 1;
    const line = await lines.lineOf(path);
    if (line === undefined) differs(path, 'not in the manifest');
    else if (line.kind !== kind) differs(path, 'changed');
    else {
      const full = `${root}/${path}`;
      const sha256 = kind === 'file' ? await hashFile(full, signal) : await hashLink(full);
      if (sha256 !== line.sha256) differs(path, 'changed');
    }
  }
  await lines.finish();
  return { ok: differing.length === 0, hasManifest, checked, differing };
}

function textOf(path: BytePath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}
