import type { Report } from '../../domain/events.ts';
import type { LedgerCatalogue } from '../../domain/ledger.ts';
import { followLog, type LoggedEvent } from '../../platform/log/index.ts';
import { sqlTimestamp, type Clock } from '../../platform/runtime/index.ts';
import type { Status } from '../status/index.ts';
import type { History, KeptEvent, Minute } from './open-history.ts';

export interface HistoryDeps {
  readonly history: History;
  /** The log that every role of this host appends to. */
  readonly log: string;
  readonly catalogue: Pick<LedgerCatalogue, 'ended' | 'bytesUploadedBetween'>;
  readonly status: () => Promise<Status>;
  readonly clock: Clock;
  readonly report: Report;
}

const MINUTE_MS = 60_000;
const KEPT_MS = 30 * 24 * 60 * MINUTE_MS;
/** So much of what was missed while nothing looked is filled in from the rows. */
const FILLED_MS = 24 * 60 * MINUTE_MS;
const BATCH_MS = 250;
const MOST_BATCHED = 1000;
const AGAIN_MS = 5000;

/** Notes each minute what was, until the signal aborts; what was missed is filled in from the ledger's rows. */
export async function keepMinutes(deps: HistoryDeps, signal: AbortSignal): Promise<void> {
  const { history, clock, report } = deps;
  while (!signal.aborted) {
    try {
      await noteMinutes(deps);
      history.prune(clock.now() - KEPT_MS);
    } catch (err) {
      report('history not kept', { err }); // the next minute fills it in
    }
    await clock.sleep(MINUTE_MS - (clock.now() % MINUTE_MS) + 500, signal);
  }
}

/** The minutes that are over and not noted, and the present one as it is. */
export async function noteMinutes({ history, catalogue, status, clock }: HistoryDeps): Promise<void> {
  const now = clock.now();
  const present = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const known = history.lastMinute();
  const from = Math.max(known !== undefined && known <= present ? known : 0, present - FILLED_MS);
  const seen = figuresOf(await status());
  for (let at = from; at <= present; at += MINUTE_MS) {
    const [begin, end] = [sqlTimestamp(at), sqlTimestamp(at + MINUTE_MS)];
    const [ended] = await catalogue.ended([{ from: begin, to: end }]);
    const { SUCCESS = 0, FAILED = 0 } = ended ?? {};
    const bytes = SUCCESS === 0 ? 0 : await catalogue.bytesUploadedBetween(begin, end);
    history.noteMinute({ at, uploaded: SUCCESS, failed: FAILED, bytes, ...(at === present ? seen : UNSEEN) });
    await clock.sleep(0); // others go on
  }
}

type Figures = Pick<Minute, 'backlog' | 'oldestSeconds' | 'freeBytes'>;

/** Of a minute that is filled in later nobody knows these. */
const UNSEEN: Figures = { backlog: undefined, oldestSeconds: undefined, freeBytes: undefined };

function figuresOf({ recordings, queues, disk, oldestWaiting }: Status): Figures {
  const oldestMs = Math.max(queues.upload?.oldestWaitingMs ?? 0, (oldestWaiting?.ageSeconds ?? 0) * 1000);
  return {
    backlog: recordings?.PENDING,
    oldestSeconds: Math.round(oldestMs / 1000),
    freeBytes: disk.state?.freeBytes,
  };
}

/** Keeps what every role of this host logs, from the last one that is known on, and tells `heard` what is new. */
export async function keepEvents(
  { history, log, clock, report }: HistoryDeps,
  heard: (events: readonly KeptEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let batch: LoggedEvent[] = [];
  const keep = (): void => {
    const events = batch;
    batch = [];
    if (events.length > 0) heard(history.noteEvents(events));
  };
  const keepNow = (): void => {
    try {
      keep();
    } catch (err) {
      report('history not kept', { err });
    }
  };
  const flushing = (async () => {
    while (!signal.aborted) {
      keepNow();
      await clock.sleep(BATCH_MS, signal);
    }
  })();
  while (!signal.aborted) {
    try {
      const after = history.lastEventId();
      for await (const event of followLog(log, { clock, signal, ...(after !== undefined && { after }) })) {
        if (event.event === 'history not kept') continue; // it would tell of itself for ever
        batch.push(event);
        if (batch.length >= MOST_BATCHED) keepNow();
      }
    } catch (err) {
      report('history not kept', { err });
      await clock.sleep(AGAIN_MS, signal);
    }
  }
  await flushing;
  keepNow();
}
