import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FAULTS, errnoOf, faultCode } from '../../domain/faults.ts';
import type { Ledger } from '../../domain/ledger.ts';
import type { SharedPauses } from '../../domain/shared-pauses.ts';
import type { Settings } from '../../platform/config/index.ts';
import { isoTime, parseTime, writeDurably, type Clock } from '../../platform/runtime/index.ts';

/** What an operator can pause. */
export const PAUSABLE = ['extract', 'upload', 'maintenance'] as const;
export type Pausable = (typeof PAUSABLE)[number];

export interface Pause {
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** ISO 8601, UTC; null: until an operator resumes. */
  readonly until: string | null;
}

export type Pauses = Partial<Record<Pausable, Pause>>;

/** The pauses that operators asked for, and which of them are past their end. */
export interface KnownPauses {
  readonly pauses: Pauses;
  readonly over: readonly Pausable[];
}

/** Where pauses are held, for Redis may forget (P2): in the ledger where hosts share it, else in a file. */
export interface PauseRecord {
  read(): Promise<KnownPauses>;
  /** As read, by a role of the site: it takes care that the pauses hold while the ledger is away. */
  renew(): Promise<KnownPauses>;
  /** `forMs` undefined: until an operator resumes. */
  set(what: readonly Pausable[], reason: string, forMs: number | undefined): Promise<void>;
  /** Returns those that were there. */
  remove(what: readonly Pausable[]): Promise<readonly string[]>;
}

export interface PauseRecordDeps {
  readonly settings: Settings;
  readonly ledger: Pick<Ledger, 'shared' | 'trouble'>;
  readonly clock: Clock;
}

/** The record of what is paused of this site. What it writes throws LEDGER_AWAY, or what the system says of the data directory. */
export function pauseRecord({ settings, ledger, clock }: PauseRecordDeps): PauseRecord {
  const { data } = settings.paths;
  const own = bookInFile(join(data, 'pauses.json'), clock);
  if (ledger.shared === undefined) return own;
  return bookInLedger(ledger.shared.pauses, ledger, own, join(data, `pauses-of-${settings.site}.json`));
}

function bookInFile(file: string, clock: Clock): PauseRecord & { forget(): Promise<void> } {
  const read = async (): Promise<Pauses> => {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as Pauses;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return {};
      throw error;
    }
  };
  const write = (pauses: Pauses): Promise<void> =>
    writeDurably(file, `${JSON.stringify(pauses, null, 2)}\n`, 0o640);
  const readKnown = async (): Promise<KnownPauses> => known(await read(), clock);
  return {
    read: readKnown,
    renew: readKnown,
    set: async (what, reason, forMs) => {
      const now = clock.now();
      const until = forMs === undefined ? null : isoTime(now + forMs);
      const pauses = { ...(await read()) };
      for (const one of what) pauses[one] = { reason, since: isoTime(now), until };
      await write(pauses);
    },
    remove: async (what) => {
      const pauses = { ...(await read()) };
      const there = what.filter((one) => pauses[one] !== undefined);
      for (const one of what) delete pauses[one];
      await write(pauses);
      return there;
    },
    forget: () => rm(file, { force: true }),
  };
}

function known(pauses: Pauses, clock: Clock): KnownPauses {
  const isOver = ({ until }: Pause): boolean => until !== null && parseTime(until) <= clock.now();
  const over = PAUSABLE.filter((one) => pauses[one] !== undefined && isOver(pauses[one]));
  return { pauses, over };
}

/** The ledger's, with a copy on this host of what it said last: a pause holds while the ledger is away. */
function bookInLedger(
  shared: SharedPauses,
  { trouble }: PauseRecordDeps['ledger'],
  own: ReturnType<typeof bookInFile>,
  copy: string,
): PauseRecord {
  const readShared = async (): Promise<KnownPauses> => {
    const held = await shared.read();
    const pauses = Object.fromEntries(
      held.map(({ what, reason, since, until }) => [what, { reason, since, until }]),
    ) as Pauses;
    return {
      pauses,
      over: PAUSABLE.filter((one) => held.some(({ what, isOver }) => what === one && isOver)),
    };
  };
  const orCopy = async (ask: () => Promise<KnownPauses>): Promise<KnownPauses> => {
    try {
      if (trouble() === undefined) return await ask();
    } catch (error) {
      if (FAULTS[faultCode(error)].cause !== 'state') throw error;
    }
    // a pause cannot end now, neither by an operator nor by its time
    return { pauses: JSON.parse((await textOf(copy)) ?? '{}') as Pauses, over: [] };
  };
  return {
    read: () => orCopy(readShared),
    renew: () =>
      orCopy(async () => {
        // of a time before the site had this ledger
        for (const [what, pause] of Object.entries((await own.read()).pauses))
          await shared.adopt({ what, ...pause });
        await own.forget();
        const found = await readShared();
        const text = `${JSON.stringify(found.pauses, null, 2)}\n`;
        if (text !== (await textOf(copy))) await writeDurably(copy, text, 0o640);
        return found;
      }),
    set: (what, reason, forMs) => shared.set(what, reason, forMs),
    remove: (what) => shared.remove(what),
  };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
