import type pg from 'pg';
import type { Report } from '../../../domain/events.ts';
import { FAULTS, WavspoolError } from '../../../domain/faults.ts';
import type { StateTrouble } from '../../../domain/ledger.ts';
import type { Clock } from '../../runtime/index.ts';
import { shownAddress, type PostgresAddress } from '../../config/index.ts';
import { isUnfit, ledgerAway, postgresFault } from './pg-faults.ts';
import { findPrimary, type Primary } from './primary.ts';

export interface PrimaryDeps {
  readonly address: PostgresAddress;
  readonly name: string;
  readonly clock: Clock;
  /** Looks at a primary before it is used; what it throws is told to the caller, and it is looked at again. */
  readonly isFit: (pool: pg.Pool) => Promise<void>;
  /** Told when the primary is lost and when one is found again. */
  readonly report?: Report | undefined;
}

/** The server of a database that takes writes, looked for again whenever it is lost. */
export interface KeptPrimary {
  /** The primary, waited for until `deadline` (monotonic ms). Throws LEDGER_AWAY, STATE_UNUSABLE, or what the look at it threw. */
  require(deadline: number): Promise<Primary>;
  /** It answered: there is no trouble with it. */
  served(primary: Primary): void;
  /** It is gone: `why` says how that showed. Gives back what a caller without patience is told. */
  lost(primary: Primary, why: unknown): WavspoolError;
  /** Notes a fault of the ledger as its trouble; gives it back. */
  troubled(fault: WavspoolError): WavspoolError;
  trouble(): StateTrouble | undefined;
  close(): Promise<void>;
}

/** Looks for the primary until it is found, on its own, also when no caller waits for it. */
export function keepPrimary(deps: PrimaryDeps): KeptPrimary {
  const { address, clock, report } = deps;
  const shown = shownAddress(address);
  const closing = new AbortController();
  let primary: Primary | undefined;
  let looking: Promise<void> | undefined;
  let timeline = 0;
  let awayBecause: unknown;
  const trouble = troubleNotes(clock, report);

  const awayFault = (): WavspoolError => asAway(shown, awayBecause ?? new Error('it does not answer'));
  const missed = (why: unknown): void => {
    awayBecause = why;
    trouble.note(asAway(shown, why));
  };

  const look = async (): Promise<void> => {
    const found = await findFit(deps, timeline, missed, closing.signal);
    if (found === undefined) return;
    timeline = Math.max(timeline, found.timeline);
    primary = found;
    awayBecause = undefined;
    trouble.end();
  };
  const startLook = (): Promise<void> => (looking ??= look().finally(() => (looking = undefined)));

  return {
    require: async (deadline) => {
      for (;;) {
        if (primary !== undefined) return primary;
        if (closing.signal.aborted)
          throw new WavspoolError('STATE_UNUSABLE', `the ledger ${shown} is closed`);
        if (isUnfit(awayBecause)) throw awayBecause;
        const leftMs = deadline - clock.monotonicMs();
        if (leftMs <= 0) throw awayFault();
        const settled = new AbortController();
        await Promise.race([startLook(), clock.sleep(Math.min(leftMs, 250), settled.signal)]);
        settled.abort();
      }
    },
    served: (by) => {
      if (primary === by) trouble.end();
    },
    lost: (lost, why) => {
      awayBecause = why;
      trouble.note(ledgerAway(shown, why));
      if (primary === lost) {
        primary = undefined;
        void lost.pool.end().catch(() => undefined); // of a server that is gone
        void startLook();
      }
      return awayFault();
    },
    troubled: trouble.note,
    trouble: trouble.present,
    close: async () => {
      closing.abort();
      await looking;
      await primary?.pool.end();
    },
  };
}

function asAway(shown: string, why: unknown): WavspoolError {
  return why instanceof WavspoolError ? why : ledgerAway(shown, why);
}

/** What keeps the ledger from serving, and since when. */
function troubleNotes(
  clock: Clock,
  report: Report | undefined,
): {
  readonly note: (fault: WavspoolError) => WavspoolError;
  readonly end: () => void;
  readonly present: () => StateTrouble | undefined;
} {
  let trouble: StateTrouble | undefined;
  let awaySince: number | undefined;
  return {
    note: (fault) => {
      const { code, message } = fault;
      if (code === 'LEDGER_AWAY' && awaySince === undefined) {
        awaySince = clock.monotonicMs();
        report?.('ledger away', { err: fault });
      }
      if (FAULTS[code].cause === 'state' || code === 'DISK_FULL')
        trouble = { code, message, since: trouble?.since ?? clock.now() };
      return fault;
    },
    end: () => {
      trouble = undefined;
      if (awaySince === undefined) return;
      report?.('ledger back', { awayMs: Math.round(clock.monotonicMs() - awaySince) });
      awaySince = undefined;
    },
    present: () => trouble,
  };
}

/** The first primary that is found and fit; undefined when it is aborted. */
async function findFit(
  { address, name, clock, isFit }: PrimaryDeps,
  since: number,
  missed: (why: unknown) => void,
  signal: AbortSignal,
): Promise<Primary | undefined> {
  while (!signal.aborted) {
    const found = await findPrimary({ address, name, clock, signal, since, missed });
    if (found === undefined) return undefined;
    try {
      await isFit(found.pool);
      return found;
    } catch (error) {
      void found.pool.end().catch(() => undefined);
      missed(postgresFault(shownAddress(address), error));
      await clock.sleep(1000, signal);
    }
  }
  return undefined;
}
