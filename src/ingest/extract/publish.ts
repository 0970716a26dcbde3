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
  /** Whether the tar's own row was taken over from another program. */
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
  const { temporary, sha256 } = recording;
  for (const [at, path] of paths.entries()) {
    if (isPlacedOther(scratch, path, sha256)) continue;
    const occupant = (at === 0 ? occupants : await deps.occupants([path])).get(path);
    // nearly always nobody is there, neither a row nor a file: giving the name finds out without a look before
    if (occupant === undefined && (await takeName(temporary, path, made))) return path;
    if (occupant?.sha256 !== undefined && occupant.sha256 !== sha256) continue; // whatever lies there, the name is another's
    const seen = judgePlace(sha256, occupant, await hashOf(path));
    const place =
      seen === 'ask the store' ? judgeLegacy(await deps.askStore(path, recording), deps.isLegacy) : seen;
    if (place === 'taken') continue;
    if (place === 'same') {
      await unlink(temporary);
      return path;
    }
    if (place === 'altered') await rename(path, `${path}.altered-${sha256.slice(0, 12)}`);
    if (await takeName(temporary, path, made)) return path;
    // another process was quicker: it may have brought the same bytes
    if ((await hashOf(path)) === sha256) {
      await unlink(temporary);
      return path;
    }
  }
  throw noPlace(paths);
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
    if (occupant?.sha256 !== undefined && occupant.sha256 !== sha256) continue;
    const seen = judgePlace(sha256, occupant, await hashOf(path));
    const place =
      seen === 'ask the store' ? judgeLegacy(await deps.askStore(path, recording), deps.isLegacy) : seen;
    if (place !== 'taken') return path;
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
