import { messageOf } from '../../domain/faults.ts';
import {
  listMirrors,
  listOffsiteMirrors,
  pruneMirror,
  pruneOffsiteMirror,
  realBytesOf,
  verifyMirror,
  type MirrorSettings,
  type OffsiteMirror,
  type StoredMirror,
} from '../mirror/index.ts';
import type { Judged } from '../retention/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Verdict } from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';
import { noteVerdict } from './note-verdict.ts';

/** A date of a mirror, wherever it lies. */
export interface MirrorBackup {
  readonly kind: 'mirror';
  readonly mirror: string;
  readonly where: 'local' | 'offsite';
  /** A path, or the `s3://bucket/key` of the list of a date in the bucket. */
  readonly path: string;
  readonly name: string;
  readonly at: string;
  /** What removing it would free: other dates share the rest. Of one in the bucket what its files hold. */
  readonly bytes: number;
  /** What its files hold; absent where its manifest is gone. */
  readonly apparentBytes?: number;
  readonly files?: number;
  /** It is complete, for its manifest was written last, and no reading since has found it damaged. */
  readonly verified: boolean;
  /** What is wrong with it. */
  readonly damage?: string;
  /** Why it may not be what it should be, until an operator confirms it. */
  readonly doubt?: string;
  /** Why it is never removed, and counts for nothing: no record says that this mirror made it. */
  readonly foreign?: string;
}

export type JudgedMirror = MirrorBackup & { readonly keep: boolean; readonly reasons: readonly string[] };

/** Every date of every mirror, and why those in the bucket are not among them. Throws MIRROR_DIRECTORY. */
export async function mirrorBackups(
  maintenance: Maintenance,
  signal: AbortSignal,
): Promise<{ readonly backups: readonly MirrorBackup[]; readonly unlisted: readonly string[] }> {
  const backups: MirrorBackup[] = [];
  const unlisted: string[] = [];
  for (const mirror of maintenance.settings.mirrors) {
    for (const stored of await listMirrors(mirror, maintenance))
      backups.push(await asMirror(mirror.name, stored, signal));
    if (mirror.offsite === undefined) continue;
    try {
      const there = await listOffsiteMirrors(await offsiteDeps(maintenance), mirror, signal);
      backups.push(...there.map((one) => asOffsiteMirror(maintenance, mirror.name, one)));
    } catch (error) {
      signal.throwIfAborted();
      unlisted.push(`mirror ${mirror.name}: ${messageOf(error)}`);
    }
  }
  return { backups, unlisted };
}

/** Reads every local date of every mirror. Yields each with what is wrong with it. */
export async function* verifyMirrorBackups(
  maintenance: Maintenance,
  signal: AbortSignal,
): AsyncGenerator<MirrorBackup & Verdict> {
  for (const mirror of maintenance.settings.mirrors) {
    for (const stored of await listMirrors(mirror, maintenance)) {
      const backup = await asMirror(mirror.name, stored, signal);
      const verdict = await mirrorVerdict(stored, signal);
      const noted = await noteVerdict(maintenance, stored, `mirror ${mirror.name}`, verdict, signal);
      yield { ...backup, verified: stored.verified && verdict.ok, ...noted };
    }
  }
}

/** What retention keeps and removes of a mirror's dates, in its directory and in the bucket; with `dryRun` nothing goes. */
export async function pruneMirrorBackups(
  maintenance: Maintenance,
  mirror: MirrorSettings,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly JudgedMirror[]> {
  const sized = new Map<string, MirrorBackup>();
  for (const stored of await listMirrors(mirror, maintenance))
    sized.set(stored.name, await asMirror(mirror.name, stored, signal));
  const judged = (await pruneMirror(maintenance, mirror, { dryRun })).flatMap(({ item, keep, reasons }) => {
    const backup = sized.get(item.name);
    return backup === undefined ? [] : [{ ...backup, keep, reasons }];
  });
  if (mirror.offsite === undefined) return judged;
  const { clock, report } = maintenance;
  const deps = { ...(await offsiteDeps(maintenance)), clock, report };
  const there = await pruneOffsiteMirror(deps, mirror, { dryRun }, signal);
  return [
    ...judged,
    ...there.map(({ item, keep, reasons }: Judged<OffsiteMirror>) => ({
      ...asOffsiteMirror(maintenance, mirror.name, item),
      keep,
      reasons,
    })),
  ];
}

async function offsiteDeps(maintenance: Maintenance): Promise<Parameters<typeof listOffsiteMirrors>[0]> {
  return { store: await maintenance.store(), timezone: maintenance.timezone, origin: maintenance.origin };
}

async function mirrorVerdict(stored: StoredMirror, signal: AbortSignal): Promise<Verdict> {
  const { ok, hasManifest, differing } = await verifyMirror(stored, signal);
  if (ok) return { ok };
  const [first] = differing;
  if (!hasManifest || first === undefined) return { ok, reason: 'its manifest is gone' };
  const more = differing.length === 1 ? '' : `, and ${differing.length - 1} more`;
  return { ok, reason: `${first.path}: ${first.problem}${more}` };
}

async function asMirror(mirror: string, stored: StoredMirror, signal: AbortSignal): Promise<MirrorBackup> {
  const { name, path, at, verified, files, apparentBytes, damage, doubt, foreign } = stored;
  return {
    kind: 'mirror',
    mirror,
    where: 'local',
    path,
    name,
    at: isoTime(at),
    bytes: await realBytesOf(stored, signal),
    verified,
    ...(files !== undefined && { files }),
    ...(apparentBytes !== undefined && { apparentBytes }),
    ...(damage !== undefined && { damage }),
    ...(doubt !== undefined && { doubt }),
    ...(foreign !== undefined && { foreign }),
  };
}

function asOffsiteMirror({ settings }: Maintenance, mirror: string, one: OffsiteMirror): MirrorBackup {
  const { key, name, at, files, apparentBytes, verified, foreign } = one;
  return {
    kind: 'mirror',
    mirror,
    where: 'offsite',
    path: `s3://${settings.s3.bucket}/${key}`,
    name,
    at: isoTime(at),
    bytes: apparentBytes,
    apparentBytes,
    files,
    verified,
    ...(foreign !== undefined && { foreign }),
  };
}
