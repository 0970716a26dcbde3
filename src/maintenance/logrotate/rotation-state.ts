import { logsOf } from './logs-of.ts';
import type { LogEntry } from './options.ts';
import { readLogState, type LastRotation } from './state-file.ts';

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
