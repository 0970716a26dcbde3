import { join } from 'node:path';
import {
  archiveFault,
  archiveOf,
  readArchive,
  readIfThere,
  removeFiles,
  sizeOf,
  type PointInTimeDatabase,
  type ArchiveDeps,
} from '../archive/archive.ts';
import { chainsOf, headOf, rangeOf, type Archive, type Chain } from '../archive/chain.ts';
import { decodeChecked, type Checked } from '../archive/format.ts';
import { fullBackupFile, CHECKED_FILE, segmentFile, type SegmentName } from '../archive/names.ts';
import { judgeChains, type Judgement } from '../archive/judge-chains.ts';
import { readIndex } from '../archive/last-state.ts';
import { runTask } from '../capture/run-task.ts';
import { verifyChain, type Finish } from '../archive/rebuild.ts';

/** What can be restored. Times are ms since 1970. */
export interface Points {
  /** The earliest and the latest time that can be restored; undefined when there is nothing. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** When the database was last found captured whole; the lag is what has passed since. */
  readonly checkedAt: number | undefined;
  readonly points: number;
  readonly bytes: number;
  readonly chains: readonly ChainSummary[];
  /** Files whose content is not what it should be. */
  readonly damaged: readonly string[];
}

export interface ChainSummary {
  readonly position: number;
  readonly from: number;
  readonly to: number;
  readonly points: number;
  readonly bytes: number;
  /** Why its full backup was made. */
  readonly reason: string;
  /** The time of the last point that was restored and found sound; undefined when none was. */
  readonly verifiedTo: number | undefined;
  /** Positions of records that are not there. */
  readonly missing: Chain['missing'];
}

/** What the archive of a database offers. It reads names and descriptions, not the records. Throws FILE_UNREADABLE. */
export async function listPoints(database: PointInTimeDatabase): Promise<Points> {
  const { directory } = archiveOf(database);
  const archive = await readArchive(directory);
  const chains = chainsOf(archive);
  const checked = await readChecked(directory);
  const range = rangeOf(chains);
  const summaries: ChainSummary[] = [];
  for (const chain of chains) {
    const { fullBackup, end, points, missing } = chain;
    const bytes = await bytesOf(directory, filesOf(chain));
    const { position, at, reason, verified } = fullBackup;
    const verifiedTo = verified?.through.at;
    summaries.push({ position, from: at, to: end.at, points, bytes, reason, verifiedTo, missing });
  }
  return {
    from: range?.from,
    to: range === undefined ? undefined : Math.max(range.to, checked?.at ?? range.to),
    checkedAt: checked?.at,
    points: summaries.reduce((sum, chain) => sum + chain.points, 0),
    bytes: summaries.reduce((sum, chain) => sum + chain.bytes, 0),
    chains: summaries,
    damaged: archive.damaged,
  };
}

/** undefined when there is none, or it is damaged. */
export async function readChecked(directory: string): Promise<Checked | undefined> {
  const text = await readIfThere(join(directory, CHECKED_FILE));
  return text === undefined ? undefined : decodeChecked(text);
}

export interface Verified {
  readonly sound: boolean;
  readonly chains: readonly {
    readonly position: number;
    readonly from: number;
    readonly faults: readonly string[];
  }[];
  /** What is wrong with the archive as a whole. */
  readonly faults: readonly string[];
}

/**
 * Checks everything that is stored: every file by its SHA-256, and every chain by restoring it to its end. Notes the sound
 * chains, so that older ones may be pruned. Throws DISK_FULL, FILE_UNREADABLE or the abort's reason.
 */
export async function verifyPoints(
  deps: ArchiveDeps,
  database: PointInTimeDatabase,
  signal: AbortSignal,
): Promise<Verified> {
  const { directory } = archiveOf(database);
  const archive = await readArchive(directory);
  const chains = await verifyAll(deps, directory, chainsOf(archive), signal);
  const faults = archive.damaged.map((name) => `${join(directory, name)} is damaged`);
  faults.push(...(await notesFaults(directory, archive)));
  for (const { first, last } of strandedAmong(archive)) {
    faults.push(`the records ${first} to ${last} in ${directory} follow no full backup that is there`);
  }
  const all = [...faults, ...chains.flatMap((chain) => chain.faults)];
  if (all.length > 0) deps.report('restore points damaged', { database: database.name, faults: all });
  return { sound: all.length === 0, chains, faults };
}

async function verifyAll(
  deps: ArchiveDeps,
  directory: string,
  chains: readonly Chain[],
  signal: AbortSignal,
): Promise<Verified['chains']> {
  const verified: Verified['chains'][number][] = [];
  try {
    for (const chain of chains) {
      const { position, at: from } = chain.fullBackup;
      const faults = await verifyPresent(deps, directory, chain, signal);
      if (faults !== undefined) verified.push({ position, from, faults });
    }
    return verified;
  } catch (error) {
    throw archiveFault(directory, error);
  }
}

/** As verifyChain; undefined when the chain was pruned meanwhile. A file that was merged meanwhile is looked for again. */
async function verifyPresent(
  deps: ArchiveDeps,
  directory: string,
  chain: Chain,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const finish = finishElsewhere(deps);
  const faults = await verifyChain(directory, chain, { clock: deps.clock, finish }, signal);
  if (faults.length === 0) return faults;
  const again = chainsOf(await readArchive(directory)).find(
    ({ fullBackup }) => fullBackup.position === chain.fullBackup.position,
  );
  if (again === undefined) return undefined;
  return namesOf(again) === namesOf(chain)
    ? faults
    : verifyChain(directory, again, { clock: deps.clock, finish }, signal);
}

export function namesOf(chain: Chain): string {
  return filesOf(chain).join('\n');
}

/** Checks a copy in another process: it blocks for long. */
export function finishElsewhere({ clock, report }: ArchiveDeps): Finish {
  return (path, signal) => runTask({ clock, report }, { task: 'finish', path }, signal);
}

/** The notes beside the records: damaged, or of records that are not there any more. */
async function notesFaults(directory: string, archive: Archive): Promise<readonly string[]> {
  const faults: string[] = [];
  const head = headOf(archive)?.position ?? 0;
  const note = join(directory, CHECKED_FILE);
  const checked = await readIfThere(note);
  const noted = checked === undefined ? undefined : decodeChecked(checked);
  if (checked !== undefined && noted === undefined)
    faults.push(`${note} is damaged; the next run writes it again`);
  const index = await readIndex(directory);
  if (index.kind === 'damaged') faults.push(`${index.path} is damaged; the next run makes it again`);
  const known = Math.max(noted?.position ?? 0, index.kind === 'read' ? index.header.position : 0);
  if (known > head) faults.push(`the records ${head + 1} to ${known} are missing at the end of ${directory}`);
  return faults;
}

function strandedAmong({ segments, fullBackups }: Archive): readonly SegmentName[] {
  const first = fullBackups[0];
  return segments.filter(({ last }) => first === undefined || last <= first.position);
}

export interface Pruned {
  readonly dryRun: boolean;
  readonly chains: readonly {
    /** undefined for records that no full backup leads to. */
    readonly position: number | undefined;
    readonly from: number;
    readonly to: number;
    readonly keep: boolean;
    readonly reason: string;
    readonly files: readonly string[];
    readonly bytes: number;
  }[];
}

/**
 * Removes the chains that nothing within the last `keep` needs any more, counted from the newest verified point; with
 * `dryRun` only says which and why. A crash in the middle leaves a shorter archive, and the rest to the next run.
 */
export async function prunePoints(
  { report, clock }: ArchiveDeps,
  database: PointInTimeDatabase,
  { dryRun }: { readonly dryRun: boolean },
): Promise<Pruned> {
  const { directory, keep: keepMs } = archiveOf(database);
  const archive = await readArchive(directory);
  const chains: Pruned['chains'][number][] = [];
  for (const judgement of judgeChains(archive, chainsOf(archive), keepMs, clock.now())) {
    const { keep, reason } = judgement;
    const extent = extentOf(judgement);
    chains.push({ ...extent, keep, reason, bytes: await bytesOf(directory, extent.files) });
  }
  const gone = chains.filter(({ keep }) => !keep);
  if (!dryRun && gone.length > 0) {
    for (const { files } of gone) await removeFiles(directory, files);
    report('restore points pruned', {
      database: database.name,
      chains: gone.filter(({ position }) => position !== undefined).length,
      files: gone.reduce((sum, { files }) => sum + files.length, 0),
      bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
    });
  }
  return { dryRun, chains };
}

/** What a chain spans, or the records that no full backup leads to. */
function extentOf({
  chain,
  segments,
}: Pick<Judgement, 'chain' | 'segments'>): Pick<
  Pruned['chains'][number],
  'position' | 'from' | 'to' | 'files'
> {
  if (chain !== undefined) {
    const { position, at } = chain.fullBackup;
    return { position, from: at, to: chain.end.at, files: filesOf(chain) };
  }
  const [from, to] = [segments[0]?.from ?? 0, segments.at(-1)?.to ?? 0];
  return { position: undefined, from, to, files: segments.map(segmentFile) };
}

/** A chain's files; first the one without which the others count for nothing, so that deleting them in order is safe. */
export function filesOf({ fullBackup, segments }: Chain): readonly string[] {
  const own = (['json', 'verified.json', 'db.zst'] as const).map((kind) => fullBackupFile(fullBackup, kind));
  return [...own, ...segments.map(segmentFile)];
}

async function bytesOf(directory: string, files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of files) bytes += (await sizeOf(join(directory, name))) ?? 0;
  return bytes;
}
