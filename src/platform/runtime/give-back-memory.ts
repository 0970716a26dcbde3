import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from './clock.ts';
import { residentBytes } from './resident-bytes.ts';

const LOOK_EVERY_MS = 15_000;
/** Of one core, between two looks: what a role does that waits for work. */
const QUIET_SHARE = 0.1;
/** Less than this is not worth a collection. */
const GROWN_BYTES = 16 * 1024 * 1024;

/** What this process has taken so far. */
export interface Taken {
  /** CPU time since its start. */
  readonly cpuMs: number;
  /** Memory that it holds now; undefined where no descriptor is left to ask with. */
  readonly bytes: number | undefined;
}

export interface GivingBack {
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly taken?: () => Taken;
  readonly collect?: () => void;
}

/**
 * Collects the garbage of a process that has become quiet, whenever it holds 16 MiB more than after the time before: V8 collects when
 * something is allocated, so what a start or a burst of work left would stay for as long as there is nothing to do. A process that works
 * is left alone. Never rejects.
 */
export async function giveBackMemory({
  clock,
  signal,
  taken = takenByThis,
  collect = collectGarbage(),
}: GivingBack): Promise<void> {
  let least = 0;
  let before = { at: clock.monotonicMs(), ...taken() };
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    const now = { at: clock.monotonicMs(), ...taken() };
    const isQuiet = now.cpuMs - before.cpuMs < QUIET_SHARE * (now.at - before.at);
    if (isQuiet && !signal.aborted && now.bytes !== undefined && now.bytes - least >= GROWN_BYTES) {
      collect();
      least = taken().bytes ?? now.bytes;
    }
    before = now;
  }
}

function takenByThis(): Taken {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, bytes: residentBytes() };
}

/** V8's own collection: as `--expose-gc` offers it, without asking every way of starting a role for that option. */
function collectGarbage(): () => void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as NodeJS.GCFunction;
  return () => gc({ type: 'major', flavor: 'last-resort', execution: 'sync' });
}
