import { createHash } from 'node:crypto';
import { lstat, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { Settings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import { makeDirectory, type Breathe, type Clock } from '../runtime/index.ts';
import type { Extraction, StateStore, TarSummary, TarVersion } from '../state/index.ts';
import { admittedEndings, readTar, type TarEnd } from '../tar/index.ts';
import { judgeMember, shownName } from './member.ts';
import { publishAll, type AskStore } from './publish.ts';
import { syncByProgram, type SyncFileSystem } from './sync-file-system.ts';
import { unsyncedFiles } from './sync-files.ts';
import { createTurns, type Turns } from './turns.ts';
import { writeRecording, type WrittenRecording } from './write-recording.ts';

export interface ExtractDeps {
  readonly state: StateStore;
  readonly limits: Settings['extract'];
  readonly unterminated: Settings['arrival']['unterminated'];
  readonly incoming: string;
  readonly extracted: string;
  readonly clock: Clock;
  readonly report: Report;
  /** Shared with what else extracts in this process, if anything does. */
  readonly turns?: Turns;
  /** A new program for each sync unless there is something that stays. */
  readonly syncFileSystem?: SyncFileSystem;
  /** For rows that were taken over; without it, such a row's object counts as not there. */
  readonly askStore?: AskStore;
  /** How many recordings of a tar share an upload job; each has its own unless told otherwise. */
  readonly batchSize?: TarSummary['batchSize'];
}

/** So many names of members that were left out stand in the log line. */
const NAMES_IN_LOG = 20;
/** The disk is asked again after so many bytes: a compressed tar does not say how large it is. */
const DISK_CHECK_BYTES = 64 * 1024 * 1024;

interface Tally {
  entries: number;
  bytes: number;
  unchecked: number;
  /** Known once the tar was read. */
  end: TarEnd | undefined;
  readonly skipped: string[];
  readonly refused: string[];
  skippedCount: number;
  refusedCount: number;
}

/**
 * Extracts one tar, top to bottom:
 *  1. is it still the version that was queued, and is there room for it?
 *  2. every member: take, skip or refuse; taken ones are written under temporary names, hashed and synced
 *  3. the tar ended as a tar must and did not change meanwhile
 *  4. every recording gets its final name
 *  5. one transaction: the rows of its recordings and its own
 * Nothing has a final name before the whole tar was read, so a bad tar leaves nothing behind. Safe to repeat.
 * Throws WavspoolError, or the signal's reason.
 */
export async function extractTar(deps: ExtractDeps, tar: TarVersion, signal: AbortSignal): Promise<void> {
  const startedAt = deps.clock.monotonicMs();
  await requireVersion(tar);
  const directory = join(deps.extracted, relative(deps.incoming, dirname(tar.path)));
  const row = deps.state.tar(tar.path);
  const isTakenOver = row !== undefined && row.size === undefined;
  const extraction = deps.state.beginExtraction(tar);
  const { turns = createTurns(deps.clock) } = deps;
  const breathe = turns();
  try {
    await makeDirectory(directory);
    await requireRoom(deps, directory, tar.size);
    const sha256 = createHash('sha256');
    const tally = await stageMembers(
      deps,
      tar,
      directory,
      extraction,
      (chunk) => sha256.update(chunk),
      breathe,
      signal,
    );
    await requireVersion(tar);
    await publishAll(
      {
        occupant: (path) => deps.state.occupant(path),
        askStore: deps.askStore ?? (() => Promise.resolve(undefined)),
        isTakenOver,
        breathe,
        signal,
      },
      extraction,
      directory,
      basename(tar.path),
    );
    const committed = await extraction.commit({
      sha256: sha256.digest('hex'),
      skipped: tally.skippedCount,
      refused: tally.refusedCount,
      batchSize: deps.batchSize ?? (() => 1),
    });
    deps.report('tar extracted', {
      tar: tar.path,
      recordings: committed.recordings,
      known: committed.known,
      skipped: tally.skippedCount,
      refused: tally.refusedCount,
      bytes: committed.bytes,
      ms: Math.round(deps.clock.monotonicMs() - startedAt),
      skippedNames: tally.skipped,
      refusedNames: tally.refused,
      notes: oddities(tally.end),
    });
  } catch (error) {
    for (const temporary of extraction.temporaries()) await rm(temporary, { force: true });
    throw signal.aborted ? error : asFault(error, tar.path, directory);
  } finally {
    extraction.discard();
  }
}

async function stageMembers(
  deps: ExtractDeps,
  tar: TarVersion,
  directory: string,
  extraction: Extraction,
  onRaw: (chunk: Uint8Array) => void,
  breathe: Breathe,
  signal: AbortSignal,
): Promise<Tally> {
  const tally: Tally = {
    entries: 0,
    bytes: 0,
    unchecked: 0,
    end: undefined,
    skipped: [],
    refused: [],
    skippedCount: 0,
    refusedCount: 0,
  };
  const unsynced = await unsyncedFiles(directory, deps.syncFileSystem ?? syncByProgram, signal);
  const stage = async (member: string, relativePath: string, recording: WrittenRecording): Promise<void> => {
    extraction.stage({ member, relativePath, ...recording }); // before it is synced: a failure finds its temporary file
    await unsynced.add(recording.temporary, recording.size);
  };

  const admit = admittedEndings(deps.unterminated);
  const onEnd = (end: TarEnd): void => void (tally.end = end);
  for await (const member of readTar(tar.path, { signal, breathe, onRaw, admit, onEnd })) {
    await breathe();
    signal.throwIfAborted();
    tally.entries += 1;
    if (tally.entries > deps.limits.maxEntries)
      throw tooLarge(tar, 'extract.maxEntries', deps.limits.maxEntries);
    const judgement = judgeMember(member);
    switch (judgement.kind) {
      case 'skip':
        tally.skippedCount += member.kind === 'directory' ? 0 : 1;
        if (member.kind !== 'directory') note(tally.skipped, shownName(member.name));
        break;
      case 'refuse': {
        const name = shownName(member.name);
        tally.refusedCount += 1;
        note(tally.refused, `${name} (${judgement.reason})`);
        extraction.refuse({
          path: `${tar.path}#${name}`,
          member: name,
          reason: `${name} in ${tar.path} was refused: ${judgement.reason}`,
        });
        break;
      }
      case 'take':
        await requireAllowed(deps, tar, tally, directory, member.size);
        await stage(member.name, judgement.path, await write(deps, tar, directory, tally, member.body));
    }
  }
  await unsynced.sync();
  return tally;
}

async function write(
  deps: ExtractDeps,
  tar: TarVersion,
  directory: string,
  tally: Tally,
  body: AsyncIterable<Uint8Array>,
): Promise<WrittenRecording> {
  try {
    return await writeRecording(directory, body, (bytes) => {
      tally.bytes += bytes;
      tally.unchecked += bytes;
      if (tally.bytes > deps.limits.maxTotalBytes) {
        throw tooLarge(tar, 'extract.maxTotalBytes', deps.limits.maxTotalBytes);
      }
    });
  } catch (error) {
    const temporary = error instanceof Error && 'temporary' in error ? String(error.temporary) : undefined;
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw error;
  }
}

async function requireAllowed(
  deps: ExtractDeps,
  tar: TarVersion,
  tally: Tally,
  directory: string,
  size: number,
): Promise<void> {
  if (size > deps.limits.maxEntryBytes)
    throw tooLarge(tar, 'extract.maxEntryBytes', deps.limits.maxEntryBytes);
  if (tally.unchecked + size < DISK_CHECK_BYTES) return;
  await requireRoom(deps, directory, size);
  tally.unchecked = 0;
}

/** Throws DISK_FULL when `bytes` more would leave less than `minFreeBytes`, or hardly an inode. */
async function requireRoom(deps: ExtractDeps, directory: string, bytes: number): Promise<void> {
  const disk = await statfs(directory);
  const free = disk.bavail * disk.bsize;
  if (free - bytes < deps.limits.minFreeBytes) {
    throw new WavspoolError(
      'DISK_FULL',
      `${directory} has ${free} bytes free; ${bytes} more would leave less than extract.minFreeBytes (${deps.limits.minFreeBytes})`,
    );
  }
  if (disk.files > 0 && disk.ffree < 1000)
    throw new WavspoolError('DISK_FULL', `${directory} has ${disk.ffree} inodes left`);
}

async function requireVersion(tar: TarVersion): Promise<void> {
  let found;
  try {
    found = await lstat(tar.path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new WavspoolError('TAR_MISSING', `${tar.path} is not there any more`, { cause: error });
  }
  if (found.size !== tar.size || Math.floor(found.mtimeMs) !== tar.mtimeMs) {
    throw new WavspoolError(
      'TAR_CHANGED',
      `${tar.path} is not the version that was queued (${tar.size} bytes): it has ${found.size} bytes now`,
    );
  }
}

function tooLarge(tar: TarVersion, setting: string, limit: number): WavspoolError {
  return new WavspoolError('TAR_TOO_LARGE', `${tar.path} exceeds ${setting} (${limit})`);
}

/** What is odd about how the tar was written, in words for the log. */
function oddities(end: TarEnd | undefined): readonly string[] {
  if (end === undefined) return [];
  const { ending, leftovers, strayZeroBlocks } = end;
  return [
    ...(ending === 'marker' ? [] : [`it ends with ${ending === 'unterminated' ? 'no end marker' : ending}`]),
    ...(leftovers > 0 ? [`${leftovers} bytes of leftovers stand behind its end marker`] : []),
    ...(strayZeroBlocks > 0 ? [`${strayZeroBlocks} stray zero blocks stand between its members`] : []),
  ];
}

function note(names: string[], name: string): void {
  if (names.length < NAMES_IN_LOG) names.push(name);
}

function asFault(error: unknown, tar: string, directory: string): WavspoolError {
  if (error instanceof WavspoolError) return error;
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'SQLITE_FULL') {
    return new WavspoolError('DISK_FULL', `the disk of ${directory} is full`, { cause: error });
  }
  if (errno !== undefined) {
    return new WavspoolError('FILE_UNREADABLE', `${tar}: ${messageOf(error)}`, { cause: error });
  }
  return new WavspoolError('UNKNOWN', `${tar}: ${messageOf(error)}`, { cause: error });
}
