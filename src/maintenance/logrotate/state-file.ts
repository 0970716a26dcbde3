import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WavspoolError, errnoOf, messageOf, type FaultCode } from '../../domain/faults.ts';
import { writeDurably } from '../../platform/runtime/index.ts';
import type { RotateDeps } from './deps.ts';
import { PLAIN } from './places.ts';
import type { FileIdentity } from '../../platform/linux/index.ts';
import { logsOf } from './logs-of.ts';
import type { LogEntry } from './names.ts';

/**
 * Bytes at the beginning of the live log that an archive holds already. They count as long as they have this hash, in the same
 * file, which has not become smaller: a log that was emptied or replaced may begin with the same words again.
 */
export interface Head {
  readonly file: FileIdentity;
  /** When the file was made, ns since 1970; 0 where the file system does not know. */
  readonly bornNs: string;
  /** What the log had at least when this was written. */
  readonly size: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly lines: number;
}

/** A name that something of ours has, and may have only as long as it is this file. */
export interface OwnFile {
  readonly path: string;
  readonly file: FileIdentity;
}

/** A rotation that has begun to change names, written down before it did so. */
export interface OpenRotation {
  readonly at: number;
  readonly log: FileIdentity;
  /** `copy`: the archive is a copy and the log is cut; `move`: the log itself becomes the archive. */
  readonly how: 'copy' | 'move';
  /** The archive: where it lies complete, until it gets its name. */
  readonly temporary: string;
  readonly archive: OwnFile;
  readonly aged: readonly OwnFile[];
  readonly shifts: readonly (OwnFile & { readonly to: string })[];
  readonly removes: readonly OwnFile[];
  readonly compress: boolean;
  /** The log's bytes that the archive holds, and the size that the log had. */
  readonly from: number;
  readonly until: number;
  readonly size: number;
  /** Cut by collapsing so many bytes (0: the archived bytes stay in front), else by truncating. */
  readonly collapse: number | null;
  /** What the log begins with once that was collapsed; null where it is truncated. */
  readonly after: Head | null;
}

/** What is left to do when the archive has its name and the log is cut. */
export interface Tidying {
  readonly removes: readonly OwnFile[];
  readonly compress: string | null;
  /** Whether a writer of the log may still have the archive open, because it is the log renamed. */
  readonly mayBeWritten: boolean;
}

export interface LastRotation {
  readonly at: number;
  readonly archive: string | null;
  readonly way: Way;
  readonly windowUs: number;
  readonly bytes: number;
}

/** How the archived lines left the log; `move`: the log itself went. */
export type Way = 'collapse' | 'window' | 'move';

/** What is remembered of one log. */
export interface LogState {
  readonly v: 1;
  readonly log: string;
  readonly head: Head | null;
  readonly open: OpenRotation | null;
  readonly tidying: Tidying | null;
  readonly last: LastRotation | null;
}

/** The name that a log's state, lock and temporary files share. */
export function stateName(log: string): string {
  const hash = createHash('sha256').update(log).digest('hex').slice(0, 16);
  return `${basename(log).slice(0, 100)}-${hash}`;
}

/** Where states lie, and how paths in them are said. */
type StateHome = Pick<RotateDeps, 'directory' | 'places'>;

/** Reads what is remembered of a log; of an unknown one, nothing. Throws ROTATION_STATE_DAMAGED. */
export async function readLogState({ directory, places = PLAIN }: StateHome, log: string): Promise<LogState> {
  const known = places.outside(log);
  const path = statePath(directory, known);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { v: 1, log, head: null, open: null, tidying: null, last: null };
    throw error;
  }
  try {
    const state = JSON.parse(text) as LogState;
    if (state.v === 1 && state.log === known) return withPaths(state, places.inside);
    throw new Error(`it is of version ${String(state.v)} and of the log ${state.log}`);
  } catch (error) {
    const message = `${path} does not say what is archived of ${known}: ${messageOf(error)}`;
    throw new WavspoolError('ROTATION_STATE_DAMAGED', message, { cause: error });
  }
}

/** Remembers it, on disk when this returns. */
export async function writeLogState(
  { directory, places = PLAIN }: StateHome,
  state: LogState,
): Promise<void> {
  const said = withPaths(state, places.outside);
  await writeDurably(statePath(directory, said.log), `${JSON.stringify(said)}\n`, 0o600);
}

/** A state whose paths are all said in another way. */
function withPaths(state: LogState, say: (path: string) => string): LogState {
  const own = <T extends OwnFile>(files: readonly T[]): T[] =>
    files.map((file) => ({ ...file, path: say(file.path) }));
  const { open, tidying, last } = state;
  return {
    ...state,
    log: say(state.log),
    open: open && {
      ...open,
      temporary: say(open.temporary),
      archive: { ...open.archive, path: say(open.archive.path) },
      aged: own(open.aged),
      shifts: own(open.shifts).map((shift) => ({ ...shift, to: say(shift.to) })),
      removes: own(open.removes),
    },
    tidying: tidying && {
      ...tidying,
      removes: own(tidying.removes),
      compress: tidying.compress && say(tidying.compress),
    },
    last: last && { ...last, archive: last.archive && say(last.archive) },
  };
}

function statePath(directory: string, log: string): string {
  return join(directory, `${stateName(log)}.json`);
}

interface OfLog {
  /** The log's path; of a pattern that matches nothing, the pattern. */
  readonly log: string;
}

/** How one log's rotation ended. */
export type RotationResult =
  | (OfLog & {
      readonly outcome: 'rotated';
      /** The new archive; null with `rotate: 0`, which keeps none. */
      readonly archive: string | null;
      readonly way: Way;
      /** Between the last look for more lines and the truncated log: what was appended then is lost. 0 for a collapse. */
      readonly windowUs: number;
      /** Why it was not collapsed, where that was wanted. */
      readonly why: string | null;
      /** Archived, before compression. */
      readonly bytes: number;
      /** Archived lines that still stand at the beginning of the log: less than one block of its file system. */
      readonly linesInFront: number;
      readonly removed: readonly string[];
      /** It only ended what a crash had cut off. */
      readonly finished: boolean;
    })
  | (OfLog & { readonly outcome: 'skipped'; readonly reason: string })
  | (OfLog & {
      readonly outcome: 'failed';
      readonly code: FaultCode;
      readonly error: unknown;
      /** There when the archive is, and what failed came after it. */
      readonly archive: string | null;
    })
  /** With `dryRun`. */
  | (OfLog & {
      readonly outcome: 'due';
      readonly archive: string | null;
      readonly bytes: number;
      readonly renames: readonly { readonly from: string; readonly to: string }[];
      readonly removed: readonly string[];
    });

/** What is remembered of the logs of an entry, for status and metrics. */
export interface RotationState {
  readonly log: string;
  /** null: never rotated. */
  readonly last: LastRotation | null;
  /** A crash cut its rotation off, or an archive still waits to be compressed; the next run ends it. */
  readonly unfinished: boolean;
}

/** Reads it; `directory` as in RotateDeps. Throws ROTATION_STATE_DAMAGED. */
export async function rotationState(
  directory: string,
  { path }: LogEntry,
): Promise<readonly RotationState[]> {
  const states: RotationState[] = [];
  for (const log of await logsOf(path)) {
    const { last, open, tidying } = await readLogState({ directory }, log);
    states.push({ log, last, unfinished: open !== null || tidying !== null });
  }
  return states;
}
