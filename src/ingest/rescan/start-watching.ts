import { startArrival, type Arrival } from '../arrival/index.ts';
import { guardDirectory } from '../../platform/linux/index.ts';
import type { IngestDeps } from '../deps.ts';
import type { HeldWork, OwnStall, RunningRole } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import { proveBelow } from '../../platform/tar/index.ts';
import { reconcileUploads } from './reconcile.ts';
import { knownTars, queueTars, tarsUnderWay } from './tars.ts';

/** How often it is told what lies in the landing directory, and how soon after the first rescan. */
const TELL_MS = 5000;
const FIRST_MS = 200;
/** A million tars take half a minute: after so long the landing directory, or `state.db`, does not answer. */
const ENDLESS_MS = 30 * 60_000;

/** Finds tars that are complete, and rebuilds the queues from the disk and state.db at start and at every rescan. */
export async function startWatching(app: IngestDeps): Promise<RunningRole> {
  let thorough = true; // at start nothing is known of what Redis still holds
  const { data: dataDirectory, incoming } = app.settings.paths;
  const guard = await guardDirectory(incoming, { dataDirectory, report: app.report });
  let awaySince: number | undefined;
  const away = async (): Promise<string | undefined> => {
    const reason = await guard.away();
    awaySince = reason === undefined ? undefined : (awaySince ?? app.clock.now());
    return reason;
  };
  const held = (): HeldWork | undefined => {
    const message = guard.wasAway();
    if (message === undefined || awaySince === undefined) return undefined;
    return { what: 'landing', cause: 'host', message, since: awaySince };
  };
  const arrival = await startArrival({
    settings: app.settings.arrival,
    incoming,
    away,
    clock: app.clock,
    report: app.report,
    known: (versions) => knownTars(app, versions),
    queue: async (versions) => {
      // one that an operator queued meanwhile, and is done already, would be extracted a second time
      const known = await knownTars(app, versions);
      const open = versions.filter(({ path }) => !known.has(path));
      await queueTars(app, open);
    },
    waiting: async () => (await app.queues.extract.counts()).waiting,
    underWay: (versions) => tarsUnderWay(app, versions),
    prove: proveBelow(incoming),
    afterRescan: async () => {
      const added = await reconcileUploads(app, thorough);
      thorough = false;
      return added;
    },
  });
  app.queues.onReturn(() => {
    thorough = true;
    arrival.rescanNow().catch(() => undefined); // reported where it failed; the next one makes up for it
  });
  const stopped = new AbortController();
  const telling = tell(app, arrival, stopped.signal);
  return {
    stall: () => endlessRescan(arrival.rescanningMs(), app.clock.now()),
    held,
    stop: async () => {
      stopped.abort();
      await arrival.stop();
      await telling;
      return 0;
    },
  };
}

/** A rescan that does not end: nothing that events miss is found any more. `now` is in ms since 1970. */
export function endlessRescan(ms: number | undefined, now: number): OwnStall | undefined {
  if (ms === undefined || ms < ENDLESS_MS) return undefined;
  return {
    what: `A rescan has run for ${Math.round(ms / 60_000)} minutes and does not end`,
    since: now - ms,
  };
}

/** Tells what lies in the landing directory and is not taken, for the status. Never rejects. */
async function tell(
  { queues, clock, report }: IngestDeps,
  arrival: Arrival,
  signal: AbortSignal,
): Promise<void> {
  const once = async (): Promise<void> => {
    const figures = arrival.landing();
    if (figures !== undefined) await queues.shared.setLanding(figures);
  };
  const failed = (err: unknown, times: number): void => report('landing figures not told', { err, times });
  await every(() => (arrival.landing() === undefined ? FIRST_MS : TELL_MS), once, { clock, signal, failed });
}
