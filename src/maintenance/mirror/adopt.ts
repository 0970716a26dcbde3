import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { openBelow, type Directory } from '../../platform/linux/index.ts';
import { writeRecord } from '../record/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import { mirrorsIn, openIfThere, type CatalogueDeps, type Listed, type StoredMirror } from './catalogue.ts';
import { hashOfManifest, readManifest } from './manifest.ts';
import { ownerOf } from './owner.ts';
import { partsOf, sourcesOf } from './sources.ts';
import { verifyMirror } from './verify.ts';
import { writeManifest } from './write-manifest.ts';

/** What became of a date that no record gives to its mirror. */
export interface AdoptedMirror {
  readonly path: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  readonly adopted: boolean;
  /** What it was known by before, or why it stays as it is. */
  readonly reason: string;
}

/**
 * Takes over the dates in a mirror's directory that no record gives to it, each after it was read whole: those of older wavspools
 * and of scripts, which get a manifest, and of a mirror whose sources or whose data directory were others. Retention counts them
 * from then on. With `dryRun` nothing is written. One that is not what its manifest says, and one that a record gives to another
 * mirror of the same name or to a snapshot, stays as it is. Safe to repeat. Throws MIRROR_DIRECTORY or what the system says.
 */
export async function adoptMirrors(
  deps: CatalogueDeps & { readonly clock: Clock },
  mirror: Listed,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly AdoptedMirror[]> {
  const { timezone, origin, clock } = deps;
  await using dir = await openIfThere(mirror.dir);
  if (dir === undefined) return [];
  const owner = await ownerOf(mirror, origin);
  const strangers = (await mirrorsIn(dir, owner, timezone)).filter(({ foreign }) => foreign !== undefined);
  const adopted: AdoptedMirror[] = [];
  for (const date of strangers) {
    signal.throwIfAborted();
    const { path, at, foreign = '' } = date;
    const refused = await whyNot(mirror, date, signal);
    if (refused === undefined && !dryRun) {
      const known = await facts(dir, mirror, date, signal);
      await writeRecord(dir, { ...owner, ...known, file: date.name, at, count: 0, adoptedAt: clock.now() });
    }
    adopted.push({ path, at, adopted: refused === undefined, reason: refused ?? foreign });
  }
  return adopted;
}

async function whyNot(
  { name }: Listed,
  { path, verified, record, foreign }: StoredMirror,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (record !== undefined && (record.kind !== 'mirror' || record.source.name !== name)) return foreign;
  if (!verified) return undefined;
  const { ok, differing } = await verifyMirror({ path }, signal);
  if (ok) return undefined;
  return `it is not what its manifest says: ${differing[0]?.path}: ${differing[0]?.problem}`;
}

async function facts(
  dir: Directory,
  mirror: Listed,
  { name, at, verified, apparentBytes = 0 }: StoredMirror,
  signal: AbortSignal,
): Promise<{ sha256: string; bytes: number; amounts: Readonly<Record<string, number>> }> {
  await using tree = await openBelow(dir, name);
  const partOf = partsOf(sourcesOf(mirror), []);
  try {
    if (!verified) {
      const job = { mirror: tree, previous: undefined, at, partOf, checksum: false };
      const { sha256, bytes, amounts } = await writeManifest(job, signal);
      return { sha256, bytes, amounts };
    }
  } catch (error) {
    throw new WavspoolError('MIRROR_DIRECTORY', `${tree.path}: ${messageOf(error)}`, { cause: error });
  }
  const amounts: Record<string, number> = {};
  for await (const { kind, path } of readManifest(tree)) {
    const part = kind === 'file' ? partOf(path) : undefined;
    if (part !== undefined) amounts[part] = (amounts[part] ?? 0) + 1;
  }
  const sha256 = await hashOfManifest(tree);
  if (sha256 === undefined) throw new WavspoolError('MIRROR_DIRECTORY', `${tree.path}: its manifest is gone`);
  return { sha256, bytes: apparentBytes, amounts };
}
