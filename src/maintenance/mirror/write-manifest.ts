import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { errnoOf } from '../../domain/faults.ts';
import { at as inDirectory, type Directory } from '../../platform/linux/index.ts';
import { entriesOf, type Entry } from './entries.ts';
import { HASHED_AT_ONCE, hashFile, hashLink } from './hash.ts';
import { inOrder } from './in-order.ts';
import { inStep } from './in-step.ts';
import { manifestLine, readManifest, summaryLine, type ManifestLine } from './manifest.ts';
import { MANIFEST } from './names.ts';
import type { BytePath } from './walk.ts';

export interface ManifestJob {
  /** The mirror that is being made. */
  readonly mirror: Directory;
  /** The one before it, whose unchanged files it shares. */
  readonly previous: { readonly directory: Directory; readonly checkedAt: number } | undefined;
  readonly at: number;
  /** The part of a path in whose sum it counts; undefined for what counts in none. */
  readonly partOf: (path: BytePath) => string | undefined;
  /** Hash every file, also those that are shared: the monthly pass. */
  readonly checksum: boolean;
}

/** What a mirror turned out to be. */
export interface Written {
  readonly files: number;
  readonly bytes: number;
  /** Files that are the previous mirror's too, by hardlink. */
  readonly linked: number;
  /** Bytes of the files that are not. */
  readonly copiedBytes: number;
  /** Files of the previous mirror that are no longer what its manifest says: edited there, or rotten. */
  readonly damaged: readonly BytePath[];
  /** The files of each part. */
  readonly amounts: Readonly<Record<string, number>>;
  /** Of the manifest. */
  readonly sha256: string;
  /** Files whose content changed in the source though their size and time did not. */
  readonly altered: readonly BytePath[];
}

const BUFFERED_LINES = 2000;

/**
 * Writes the manifest of a mirror whose files are all there, and with it that it is complete. A file that is shared with the
 * previous mirror takes over its hash from there, but for the monthly pass; that one hashes everything, and so finds what was
 * altered unnoticed. Throws what the system says, or the abort's reason.
 */
export async function writeManifest(job: ManifestJob, signal: AbortSignal): Promise<Written> {
  const { mirror, previous, at, partOf, checksum } = job;
  const hash = createHash('sha256');
  const tally: Tally = {
    files: 0,
    bytes: 0,
    linked: 0,
    copiedBytes: 0,
    amounts: {},
    damaged: [],
    altered: [],
  };
  const noted = inStep(previous === undefined ? undefined : readManifest(previous.directory));
  const file = await open(inDirectory(mirror, MANIFEST), 'wx', 0o600);
  try {
    let lines: BytePath[] = [];
    const flush = async (): Promise<void> => {
      const bytes = Buffer.from(lines.join(''), 'latin1');
      hash.update(bytes);
      await file.writeFile(bytes); // at the present position, and whole: write(2) may take less
      lines = [];
    };
    const entries = entriesOf(mirror, noted, previous?.directory);
    for await (const entry of inOrder(entries, HASHED_AT_ONCE, (one) => examine(job, one, signal))) {
      lines.push(manifestLine(entry));
      if (lines.length >= BUFFERED_LINES) await flush();
      if (entry.kind === 'file') count(tally, entry, partOf(entry.path));
    }
    const checkedAt = checksum || previous === undefined ? at : previous.checkedAt;
    lines.push(summaryLine({ at, checkedAt, files: tally.files, bytes: tally.bytes }));
    await flush();
    await file.sync();
  } finally {
    await file.close();
    await noted.close();
  }
  return { ...tally, sha256: hash.digest('hex') };
}

/** What is counted while the manifest is written. */
interface Tally {
  files: number;
  bytes: number;
  linked: number;
  copiedBytes: number;
  readonly amounts: Record<string, number>;
  readonly damaged: BytePath[];
  readonly altered: BytePath[];
}

function count(tally: Tally, { path, size, isShared, verdict }: Examined, part: string | undefined): void {
  tally.files += 1;
  tally.bytes += size;
  if (isShared) tally.linked += 1;
  else tally.copiedBytes += size;
  if (part !== undefined) tally.amounts[part] = (tally.amounts[part] ?? 0) + 1;
  if (verdict !== 'as it was') tally[verdict].push(path);
}

type Verdict = 'damaged' | 'altered' | 'as it was';

interface Examined extends ManifestLine {
  readonly size: number;
  readonly isShared: boolean;
  readonly verdict: Verdict;
}

/** The hash of one file or symlink, and in the monthly pass what became of the file since the previous mirror. */
function examine(job: ManifestJob, entry: Entry, signal: AbortSignal): Promise<Examined> {
  signal.throwIfAborted();
  const { path, stats } = entry;
  const plain = { path, size: Number(stats.size), isShared: false, verdict: 'as it was' } as const;
  return entry.use(async (here, there) =>
    stats.isSymbolicLink()
      ? { ...plain, kind: 'symlink', sha256: await hashLink(here) }
      : { ...plain, kind: 'file', ...(await examineFile(job, entry, { here, there }, signal)) },
  );
}

async function examineFile(
  { checksum }: ManifestJob,
  { stats, line }: Entry,
  { here, there }: { here: Buffer; there: Buffer | undefined },
  signal: AbortSignal,
): Promise<Pick<Examined, 'sha256'> & Partial<Pick<Examined, 'isShared' | 'verdict'>>> {
  const hash = (path: Buffer): Promise<string> => hashFile(path, stats.size, signal);
  const old = there === undefined ? undefined : await fileAt(there);
  if (there === undefined || old === undefined) return { sha256: await hash(here) };
  const isShared = isOneFile(old, stats);
  const noted = notedHash(line);
  if (isShared && noted !== undefined && !checksum) return { isShared, sha256: noted };
  const sha256 = await hash(here);
  if (!checksum || noted === undefined || !looksUnchanged(old, stats)) return { isShared, sha256 };
  const oldSha256 = isShared ? sha256 : await hash(there);
  return { isShared, sha256, verdict: judge({ noted, oldSha256, sha256 }) };
}

function notedHash(line: ManifestLine | undefined): string | undefined {
  return line?.kind === 'file' ? line.sha256 : undefined;
}

function isOneFile(one: BigIntStats, other: BigIntStats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

function looksUnchanged(before: BigIntStats, now: BigIntStats): boolean {
  return before.size === now.size && before.mtimeNs === now.mtimeNs;
}

/** A file that looks as it did: what its manifest said, what the previous mirror holds now, what the source holds now. */
function judge(hashes: { noted: string; oldSha256: string; sha256: string }): Verdict {
  if (hashes.oldSha256 !== hashes.noted) return 'damaged';
  return hashes.sha256 === hashes.noted ? 'as it was' : 'altered';
}

async function fileAt(path: Buffer): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
