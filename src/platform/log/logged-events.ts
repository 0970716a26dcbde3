import { hash } from 'node:crypto';
import type { Level } from '../../domain/event-levels.ts';
import { errnoOf } from '../../domain/faults.ts';
import { parseTime } from '../runtime/index.ts';

/** An event as the log file has it: of any role of this host, and of any time that the file goes back to. */
export interface LoggedEvent {
  /** Opaque: what a stream goes on after, and a page goes on before. */
  readonly id: string;
  /** ms since 1970. */
  readonly at: number;
  readonly level: Level;
  readonly event: string;
  readonly site: string;
  readonly role: string;
  readonly pid: number;
  /** What {@link Events} says of this event; `err` as `{name, code, message, cause?, stack?}`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const ID_DIGITS = 16;

/** The event of a line of the log; undefined for a line that is none of ours, or was cut by the end of the disk. */
export function eventOf(line: string): LoggedEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { time, level, msg, site, role, pid, ...fields } = parsed as Record<string, unknown>;
  if (typeof time !== 'string' || typeof msg !== 'string' || !isLevel(level)) return undefined;
  if (typeof site !== 'string' || typeof role !== 'string' || typeof pid !== 'number') return undefined;
  const at = parseTime(time);
  if (Number.isNaN(at)) return undefined;
  return {
    id: `${at}-${hash('sha256', line).slice(0, ID_DIGITS)}`,
    at,
    level,
    event: msg,
    site,
    role,
    pid,
    fields,
  };
}

/** When the event of that id was logged, ms since 1970; NaN for a text that is no id. */
export function timeOfId(id: string): number {
  return /^\d+-[0-9a-f]+$/.test(id) ? Number.parseInt(id, 10) : Number.NaN;
}

function isLevel(value: unknown): value is Level {
  return value === 'debug' || value === 'info' || value === 'warn' || value === 'error';
}

/** For `.catch` of an open: the log is not there yet, or was moved away a moment ago. */
export function unlessAbsent(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
  throw error;
}
