import { rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import {
  makeDirectory,
  publishUnlessTaken,
  sha256IfThere,
  syncDirectory,
  type YieldTurn,
} from '../../platform/runtime/index.ts';
import type { TarLedger } from '../../domain/ledger.ts';
import type { Occupant } from '../../domain/recording.ts';
import type { Scratch, StagedRecording } from './scratch.ts';
import { candidatePaths, judgePlace, judgeLegacy } from './place.ts';

/** Whether the object of the recording that lies at `path` has the bytes of `recording`; undefined: there is none. Throws a store fault. */
export type AskStore = (path: string, recording: StagedRecording) => Promise<boolean | undefined>;

export interface PublishDeps {
  readonly occupants: TarLedger['occupants'];
  readonly askStore: AskStore;
  /** Whether the tar's own row is a legacy one. */
  readonly isLegacy: boolean;
  readonly yieldTurn: YieldTurn;
  readonly signal: AbortSignal;
}

/**
 * Gives every staged recording its final name (P3, P5) and notes where it ended. Safe to repeat: what has
 * its name already is found there with the same bytes. All names are on disk when it returns.
 */
export async function publishAll(
  deps: PublishDeps,
  scratch: Scratch,
  directory: string,
  tarName: string,
): Promise<void> {
  const made = new Set<string>();
  for (const page of scratch.staged()) {
    const wanted = page.map(({ seq, recording }) => ({
      seq,
      recording,
      paths: candidatePaths(directory, tarName, recording.relativePath, recording.sha256),
    }));
    const occupants = await deps.occupants(wanted.map(({ paths }) => paths[0]));
    for (const { seq, recording, paths } of wanted) {
      await deps.yieldTurn();
      deps.signal.throwIfAborted();
      const { temporary } = recording;
      const path =
        temporary === undefined
          ? await placeOne(deps, scratch, recording, paths, occupants, directory)
          : await publishOne(deps, { ...recording, temporary }, paths, occupants, made, scratch);
      if (temporary !== undefined) made.add(dirname(path));
      scratch.place(seq, path);
    }
  }
  for (const touched of made) await syncDirectory(touched);
}

/** `occupants`: of first choices; `made`: directories that are there, so that not every recording asks for its own again. */
async function publishOne(
  deps: PublishDeps,
  recording: StagedRecording & { readonly temporary: string },
  paths: readonly string[],
  occupants: ReadonlyMap<string, Occupant>,
  made: ReadonlySet<string>,
  scratch: Scratch,
): Promise<string> {
  for (const [at, path] of paths.entries()) {
    if (isPlacedOther(scratch, path, recording.sha256)) continue;
    const occupant = (at === 0 ? occupants : await deps.occupants([path])).get(path);
    if (await takePlace(deps, recording, path, occupant, made)) return path;
  }
  throw noPlace(paths);
}

/** Gives a recording the name `path`, or finds it there with the same bytes; false where something else has that name. */
async function takePlace(
  deps: PublishDeps,
  recording: StagedRecording & { readonly temporary: string },
  path: string,
  occupant: Occupant | undefined,
  made: ReadonlySet<string>,
): Promise<boolean> {
  const { temporary, sha256 } = recording;
  // nearly always the name is free, of a row and of a file: giving it finds out without a look before
  if (occupant === undefined && (await takeName(temporary, path, made))) return true;
  if (isOfAnother(occupant, sha256)) return false;
  const place = await judgeAt(deps, recording, path, occupant);
  if (place === 'taken') return false;
  if (place === 'altered') await rename(path, `${path}.altered-${sha256.slice(0, 12)}`);
  if (place !== 'same' && (await takeName(temporary, path, made))) return true;
  // where another process was quicker, it may have brought the same bytes
  if (place !== 'same' && (await hashOf(path)) !== sha256) return false;
  await unlink(temporary);
  return true;
}

/** Whether the name is another recording's by its row, whatever lies there. */
function isOfAnother(occupant: Occupant | undefined, sha256: string): boolean {
  return occupant?.sha256 !== undefined && occupant.sha256 !== sha256;
}

/** What a place is to a recording, by its row, its file and, where these do not tell, its object. */
async function judgeAt(
  deps: PublishDeps,
  recording: StagedRecording,
  path: string,
  occupant: Occupant | undefined,
): Promise<Exclude<ReturnType<typeof judgePlace>, 'ask the store'>> {
  const seen = judgePlace(recording.sha256, occupant, await hashOf(path));
  return seen === 'ask the store' ? judgeLegacy(await deps.askStore(path, recording), deps.isLegacy) : seen;
}

/** Whether another recording of this tar has the path, be it one without a file. */
function isPlacedOther(scratch: Scratch, path: string, sha256: string): boolean {
  const placed = scratch.placedAt(path);
  return placed !== undefined && placed !== sha256;
}

function noPlace(paths: readonly string[]): WavspoolError {
  return new WavspoolError(
    'FILE_UNREADABLE',
    `none of ${paths.join(', ')} can take the recording: other files are in the way; move them aside`,
  );
}

/**
 * The path of a recording that stays in its tar: the one that its file would have, by the rows and by the files that lie there from
 * before. Nothing is written, and what lies there stays.
 */
async function placeOne(
  deps: PublishDeps,
  scratch: Scratch,
  recording: StagedRecording,
  paths: readonly string[],
  occupants: ReadonlyMap<string, Occupant>,
  directory: string,
): Promise<string> {
  const { sha256 } = recording;
  for (const [at, path] of paths.entries()) {
    const placed = scratch.placedAt(path);
    if (placed === sha256) return path;
    if (placed !== undefined || (await isBelowRecording(deps, scratch, directory, path))) continue;
    const occupant = (at === 0 ? occupants : await deps.occupants([path])).get(path);
    if (isOfAnother(occupant, sha256)) continue;
    if ((await judgeAt(deps, recording, path, occupant)) !== 'taken') return path;
  }
  throw noPlace(paths);
}

/** Whether a directory on the way to `path` is the name of a recording: on disk one of the two could not be. */
async function isBelowRecording(
  { occupants }: PublishDeps,
  scratch: Scratch,
  directory: string,
  path: string,
): Promise<boolean> {
  const above: string[] = [];
  for (let one = dirname(path); one.length > directory.length; one = dirname(one))
    if (one.toLowerCase().endsWith('.wav')) above.push(one);
  if (above.length === 0) return false;
  return above.some((one) => scratch.placedAt(one) !== undefined) || (await occupants(above)).size > 0;
}

/** False when the name, or a directory on its way, is taken by another file. */
async function takeName(temporary: string, path: string, made: ReadonlySet<string>): Promise<boolean> {
  try {
    if (!made.has(dirname(path))) await makeDirectory(dirname(path));
    return publishUnlessTaken(temporary, path);
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The SHA-256 of the file at `path`; undefined when there is none. */
async function hashOf(path: string): Promise<string | undefined> {
  try {
    return await sha256IfThere(path);
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') return 'a directory';
    throw error;
  }
}
