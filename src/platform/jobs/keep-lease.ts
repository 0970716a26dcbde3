import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { Leases, Tenure } from '../../domain/lease.ts';
import { every, type Clock } from '../runtime/index.ts';

/** Long enough for a fail-over of the ledger, short enough for a host that died. */
export const TERM_MS = 30_000;
/** A lease is renewed so often in its term, and its end looked for more often still. */
const RENEWALS = 3;
const LOOKS = 10;

/** A lease as its holder has it. */
export interface Held {
  readonly tenure: Tenure;
  /** Aborts with LEASE_LOST when another process has it, or may have it. */
  readonly lost: AbortSignal;
}

export interface KeptLease {
  /** Undefined while another process has it, and from the end of its term on: also in a process that was frozen until now. */
  current(): Held | undefined;
  /** Gives it back. */
  stop(): Promise<void>;
}

interface Holding {
  readonly tenure: Tenure;
  readonly lost: AbortController;
  /** Monotonic; the ledger's clock comes there later, for it began to count later. */
  untilMs: number;
}

/**
 * Takes a lease when it is free, and renews it until it is stopped. What is done under it must be checked by its term where it becomes
 * final: a process may be frozen between its last look and its write.
 */
export function keepLease(
  { leases, clock, report }: { readonly leases: Leases; readonly clock: Clock; readonly report: Report },
  name: string,
  termMs: number,
): KeptLease {
  const stopped = new AbortController();
  let holding: Holding | undefined;
  let holder = newHolder();

  const lose = ({ tenure, lost }: Holding, reason: string): void => {
    holding = undefined;
    holder = newHolder(); // what was begun under the old term is not to be mistaken for what comes
    report('lease lost', { lease: name, term: tenure.term, reason });
    lost.abort(new WavspoolError('LEASE_LOST', `the lease "${name}" was lost: ${reason}`));
  };
  const current = (): Held | undefined => {
    if (holding !== undefined && clock.monotonicMs() >= holding.untilMs)
      lose(holding, 'it could not be renewed in time');
    return holding && { tenure: holding.tenure, lost: holding.lost.signal };
  };
  const take = async (): Promise<void> => {
    const askedAt = clock.monotonicMs();
    const tenure = await leases.take(name, holder, termMs);
    if (tenure === undefined) return;
    holding = { tenure, lost: new AbortController(), untilMs: askedAt + termMs };
    report('lease taken', { lease: name, term: tenure.term });
  };
  const renew = async (mine: Holding): Promise<void> => {
    const askedAt = clock.monotonicMs();
    const renewed = await leases.renew(mine.tenure, termMs);
    if (holding !== mine) return;
    if (renewed) mine.untilMs = askedAt + termMs;
    else lose(mine, 'another process has taken it');
  };
  const step = async (): Promise<void> => {
    current();
    await (holding === undefined ? take() : renew(holding));
  };

  const failed = (err: unknown, times: number): void =>
    report('lease not renewed', { lease: name, err, times });
  const renewing = every(termMs / RENEWALS, step, { clock, signal: stopped.signal, failed });
  const look = (): void => void current();
  const looking = every(termMs / LOOKS, look, { clock, signal: stopped.signal, failed });
  return {
    current,
    stop: async () => {
      stopped.abort();
      await Promise.all([renewing, looking]);
      // where that fails, the end of its term gives it back
      if (holding !== undefined) await leases.release(holding.tenure).catch(() => undefined);
      holding = undefined;
    },
  };
}

/** What an operator who looks at the ledger can make something of. */
function newHolder(): string {
  return `${hostname()}:${process.pid}:${randomUUID()}`;
}
