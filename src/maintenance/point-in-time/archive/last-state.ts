import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../../domain/faults.ts';
import { temporaryPath, writeDurably } from '../../../platform/runtime/index.ts';
import { FILE_MODE } from './archive.ts';
import { chainsOf, type Archive, type Chain } from './chain.ts';
import { decodeIndex, encodeChecked, encodeIndex, type RecordHeader } from './format.ts';
import { removeCopy } from './full-backup.ts';
import { CHECKED_FILE, PAGES_FILE } from './names.ts';
import { digestOf, knownPages, type PageHashes } from './page-hashes.ts';
import { readRecords, type Head } from './records.ts';
import { endOf, rebuild } from './rebuild.ts';

/** The last captured state, as far as the next capture must know it. */
export interface LastState extends Head {
  readonly pageSize: number;
  readonly hashes: PageHashes;
  /** What the database's files looked like; undefined when that proves nothing. */
  readonly evidence: string | undefined;
}

export interface TimelineEnd extends Head {
  readonly digest: string;
  /** Where it ends in the write-ahead log; undefined when that is not known. */
  readonly wal: RecordHeader['wal'];
}

/**
 * What the archive's line ends with; undefined when it has no end that records could follow: it is empty, or something of
 * its last chain is missing or damaged. The hashes come from the index, or, when a crash left an old one, from restoring.
 */
export async function lastState(
  directory: string,
  archive: Archive,
  signal: AbortSignal,
): Promise<LastState | undefined> {
  const chain = chainsOf(archive).at(-1);
  if (chain === undefined || chain.missing.length > 0) return undefined;
  const { position, link } = await timelineEnd(directory, chain);
  const index = await readIndex(directory);
  if (index.kind === 'read' && index.header.position === position && index.header.link === link) {
    const { evidence, pageSize } = index.header;
    return { position, link, pageSize, hashes: knownPages(index.words), evidence: evidence ?? undefined };
  }
  const copy = temporaryPath(directory);
  try {
    const rebuilt = await rebuild(directory, chain, endOf(chain), copy, signal);
    return { position, link, pageSize: rebuilt.pageSize, hashes: rebuilt.hashes, evidence: undefined };
  } finally {
    await removeCopy(copy);
  }
}

/** The last state of a chain without holes, as its last record or its full backup describes it. Throws SNAPSHOT_BAD. */
export async function timelineEnd(directory: string, { fullBackup, segments }: Chain): Promise<TimelineEnd> {
  let { position, link, wal, digest }: TimelineEnd = { ...fullBackup, wal: fullBackup.wal };
  const segment = segments.at(-1);
  if (segment === undefined) return { position, link, wal, digest };
  for await (const record of readRecords(directory, segment)) {
    ({ position, wal } = record.header);
    link = record.link;
    digest = record.header.commits.at(-1)?.[2] ?? digest;
  }
  return { position, link, wal, digest };
}

/** The index of the last captured state, as far as there is one. */
export async function readIndex(
  directory: string,
): Promise<
  | { readonly kind: 'none' }
  | { readonly kind: 'damaged'; readonly path: string }
  | ({ readonly kind: 'read' } & NonNullable<ReturnType<typeof decodeIndex>>)
> {
  const path = join(directory, PAGES_FILE);
  try {
    const index = decodeIndex(await readFile(path));
    return index === undefined ? { kind: 'damaged', path } : { kind: 'read', ...index };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { kind: 'none' };
    throw error;
  }
}

/** Writes the index of the last captured state. */
export async function saveIndex(directory: string, state: LastState): Promise<void> {
  const { position, link, pageSize, hashes, evidence } = state;
  const { pageCount } = hashes;
  const header = {
    position,
    link,
    pageSize,
    pageCount,
    digest: digestOf(hashes),
    evidence: evidence ?? null,
  };
  const words = hashes.words.subarray(0, pageCount * 2);
  await writeDurably(join(directory, PAGES_FILE), encodeIndex(header, words), FILE_MODE);
}

/** Notes that at `clock.now()` nothing was left to capture. */
export async function noteChecked(directory: string, at: number, position: number): Promise<void> {
  await writeDurably(join(directory, CHECKED_FILE), encodeChecked({ at, position }), FILE_MODE);
}
