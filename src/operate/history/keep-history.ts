import type { Report } from '../../domain/events.ts';
import type { History, KeptEvent, Minute, NewEvent } from '../../domain/history.ts';
import type { LedgerCatalogue } from '../../domain/ledger.ts';
import { followLog } from '../../platform/log/index.ts';
import { every, sqlTimestamp, type Clock } from '../../platform/runtime/index.ts';
import type { Status } from '../status/index.ts';
import { newEvent } from './new-event.ts';

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
/** So many minutes are one commit: a day's one by one wrote 6 MB. */
const NOTED_AT_ONCE = 60;
const BATCH_MS = 250;
const MOST_BATCHED = 1000;
const AGAIN_MS = 5000;

/** Notes each minute what was, until the signal aborts; what was missed is filled in from the ledger's rows. */
export async function keepMinutes(deps: HistoryDeps, signal: AbortSignal): Promise<void> {
  const { history, clock, report } = deps;
  const note = async (): Promise<void> => {
    await noteMinutes(deps);
    await history.prune(clock.now() - KEPT_MS);
  };
  const failed = (err: unknown): void => report('history not kept', { err }); // the next minute fills it in
  await every(() => MINUTE_MS - (clock.now() % MINUTE_MS) + 500, note, { clock, signal, failed });
}

/** The minutes that are over and not noted, and the present one as it is. */
export async function noteMinutes({
  history,
  catalogue,
  status,
  clock,
}: Pick<HistoryDeps, 'catalogue' | 'status' | 'clock'> & {
  readonly history: Pick<History, 'lastMinute' | 'noteMinutes'>;
}): Promise<void> {
  const now = clock.now();
  const present = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const known = await history.lastMinute();
  const from = Math.max(known !== undefined && known <= present ? known : 0, present - FILLED_MS);
  const seen = figuresOf(await status());
  for (let at = from; at <= present; at += NOTED_AT_ONCE * MINUTE_MS) {
    const last = Math.min(present, at + (NOTED_AT_ONCE - 1) * MINUTE_MS);
    const minutes = await countMinutes(catalogue, at, last);
    await history.noteMinutes(
      minutes.map((minute) => ({ ...minute, ...(minute.at === present ? seen : UNSEEN) })),
    );
    await clock.sleep(0); // others go on
  }
}

/** What the rows tell of the minutes from `first` to `last`. */
async function countMinutes(
  catalogue: HistoryDeps['catalogue'],
  first: number,
  last: number,
): Promise<readonly Counted[]> {
  const starts = Array.from({ length: (last - first) / MINUTE_MS + 1 }, (_, at) => first + at * MINUTE_MS);
  const spans = starts.map((at) => ({ from: sqlTimestamp(at), to: sqlTimestamp(at + MINUTE_MS) }));
  const ended = await catalogue.ended(spans);
  const counted: Counted[] = [];
  for (const [index, { from, to }] of spans.entries()) {
    const { SUCCESS: uploaded = 0, FAILED: failed = 0 } = ended[index] ?? {};
    const bytes = uploaded === 0 ? 0 : await catalogue.bytesUploadedBetween(from, to);
    counted.push({ at: first + index * MINUTE_MS, uploaded, failed, bytes });
  }
  return counted;
}

type Counted = Omit<Minute, keyof Figures>;

type Figures = Pick<Minute, 'backlog' | 'oldestSeconds' | 'freeBytes'>;

/** Of a minute that is filled in later these are not known. */
const UNSEEN: Figures = { backlog: undefined, oldestSeconds: undefined, freeBytes: undefined };

function figuresOf({ recordings, queues, disk, oldestWaiting }: Status): Figures {
  const oldestMs = Math.max(queues.upload?.oldestWaitingMs ?? 0, (oldestWaiting?.ageSeconds ?? 0) * 1000);
  return {
    backlog: recordings?.PENDING,
    oldestSeconds: Math.round(oldestMs / 1000),
    freeBytes: disk.state?.freeBytes,
  };
}

/**
 * Keeps what every role of this host logs, from the last one that is known on, and tells `heard` what is new. Where that fails it goes on
 * from the last one that is kept: nothing is left out.
 */
export async function keepEvents(
  deps: HistoryDeps,
  heard: (events: readonly KeptEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let isTold = false;
  while (!signal.aborted) {
    try {
      await followAndKeep(deps, heard, signal, () => (isTold = false));
    } catch (err) {
      if (!isTold) deps.report('history not kept', { err });
      isTold = true; // until some are kept again
      await deps.clock.sleep(AGAIN_MS, signal);
    }
  }
}

async function followAndKeep(
  { history, log, clock }: HistoryDeps,
  heard: (events: readonly KeptEvent[]) => void,
  signal: AbortSignal,
  kept: () => void,
): Promise<void> {
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  let batch: NewEvent[] = [];
  const keep = async (): Promise<void> => {
    const events = batch;
    batch = [];
    if (events.length === 0) return;
    heard(await history.noteEvents(events));
    kept();
  };
  const keepOnAndOn = async (): Promise<void> => {
    try {
      while (!until.aborted) {
        await keep();
        await clock.sleep(BATCH_MS, until);
      }
      await keep();
    } finally {
      ended.abort();
    }
  };
  const after = await history.lastEventId();
  const keeping = keepOnAndOn();
  keeping.catch(() => undefined); // it is waited for below
  try {
    for await (const event of followLog(log, {
      clock,
      signal: until,
      ...(after !== undefined && { after }),
    })) {
      if (event.event === 'history not kept') continue; // it would tell of itself for ever
      batch.push(newEvent(event));
      while (batch.length >= MOST_BATCHED && !until.aborted) await clock.sleep(BATCH_MS, until);
    }
  } finally {
    ended.abort();
    await keeping;
  }
}
