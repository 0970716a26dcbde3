import { z } from 'zod';
import { isoTime, parseTime } from '../../platform/runtime/index.ts';

/** Whose a copy is: P12 lets retention remove nothing else. */
export interface Owner {
  readonly kind: 'snapshot' | 'export' | 'mirror';
  /** The wavspool that makes it: the id that its data directory keeps. */
  readonly origin: string;
  /** What it is a copy of: its name in the settings, and its path with symlinks resolved. */
  readonly source: { readonly name: string; readonly path: string };
  /** The schedule's name; a mirror's own. */
  readonly schedule: string;
}

/** A moment of the time since the host was started, which cannot be set. */
export interface Uptime {
  /** Which start it was. */
  readonly bootId: string;
  readonly uptimeMs: number;
}

/** Why a copy may not be what it should be. */
export interface Doubt {
  readonly about: 'clock' | 'content';
  readonly said: string;
}

/** What a reading found wrong with a copy. */
export interface Damage {
  /** Ms since 1970. */
  readonly at: number;
  readonly said: string;
}

/** What is known of a copy from the moment it was made. */
export interface CopyRecord extends Owner {
  /** Its name, in the directory in which its record lies. */
  readonly file: string;
  /** By the host's clock, ms since 1970. */
  readonly at: number;
  /** Its place among those of its owner, from 1; 0 for one that was adopted. */
  readonly count: number;
  readonly uptime?: Uptime | undefined;
  /** Of what is stored. */
  readonly bytes: number;
  /** Of what is stored, lower-case hex; a tree has its manifest's. */
  readonly sha256: string;
  /** How much there is of what: the rows of each table, the files of a tree. */
  readonly amounts: Readonly<Record<string, number>>;
  readonly label?: string | undefined;
  readonly doubt?: Doubt | undefined;
  /** When an operator said that it is what it should be, ms since 1970. */
  readonly confirmedAt?: number | undefined;
  /** What the last reading of it found; absent when that was nothing, or there was none. */
  readonly damage?: Damage | undefined;
  /** When it was adopted from an older wavspool or a script, ms since 1970. */
  readonly adoptedAt?: number | undefined;
  /** The journal mode of the database. */
  readonly journalMode?: string | undefined;
  /** What could not be checked without its owner's own functions; absent when everything was. */
  readonly unchecked?: readonly string[] | undefined;
}

const moment = z.iso.datetime().transform(parseTime);
const amount = z.number().nonnegative();

const stored = z.object({
  v: z.literal(1),
  kind: z.enum(['snapshot', 'export', 'mirror']),
  origin: z.string(),
  source: z.object({ name: z.string(), path: z.string() }),
  schedule: z.string(),
  file: z.string().regex(/^(?!\.{1,2}$)[^/\0]+$/),
  at: moment,
  count: z.number().int().nonnegative(),
  uptime: z.object({ bootId: z.string(), uptimeMs: amount }).optional(),
  bytes: amount,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  amounts: z.record(z.string(), amount),
  label: z.string().optional(),
  doubt: z.object({ about: z.enum(['clock', 'content']), said: z.string() }).optional(),
  confirmedAt: moment.optional(),
  damage: z.object({ at: moment, said: z.string() }).optional(),
  adoptedAt: moment.optional(),
  journalMode: z.string().optional(),
  unchecked: z.array(z.string()).optional(),
});

/** A record as it is stored: JSON, its times ISO in UTC. */
export function recordText({ at, confirmedAt, damage, adoptedAt, ...rest }: CopyRecord): string {
  const times = {
    at: isoTime(at),
    ...(confirmedAt !== undefined && { confirmedAt: isoTime(confirmedAt) }),
    ...(damage !== undefined && { damage: { ...damage, at: isoTime(damage.at) } }),
    ...(adoptedAt !== undefined && { adoptedAt: isoTime(adoptedAt) }),
  };
  return `${JSON.stringify({ v: 1, ...rest, ...times }, undefined, 1)}\n`;
}

/** What a stored record says; undefined for anything that is none. */
export function parseRecord(text: string): CopyRecord | undefined {
  try {
    const { data } = stored.safeParse(JSON.parse(text));
    if (data === undefined) return undefined;
    const { v: _version, ...record } = data;
    return record;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // damaged: it says nothing of the copy
    throw error;
  }
}

/** Whether a copy is this owner's. */
export function isOf({ kind, origin, source, schedule }: CopyRecord, owner: Owner): boolean {
  return (
    kind === owner.kind &&
    origin === owner.origin &&
    source.name === owner.source.name &&
    source.path === owner.source.path &&
    schedule === owner.schedule
  );
}

/** Why a copy counts for nothing until an operator confirms it; undefined for one that is as it should be. */
export function openDoubt({ doubt, confirmedAt }: CopyRecord): string | undefined {
  return confirmedAt === undefined ? doubt?.said : undefined;
}
