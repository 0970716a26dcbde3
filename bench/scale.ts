import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { makeSmallTars } from './corpus.ts';
import { startFleet, type Fleet, type LoggedEvent } from './fleet.ts';
import { openSink } from './open-sink.ts';
import { judgedTable, median, writeResults, type Judged } from './report.ts';
import { watchLoad, type Carried } from './scale-load.ts';
import {
  REDIS_ANSWERS,
  STARTED,
  failSome,
  loadingMs,
  makeKnown,
  peakOfWatcher,
  placeTinyTars,
  queryTimes,
  requestTimes,
  rescanTimes,
  settled,
  startTimes,
  type Times,
} from './scale-rest.ts';

// `make bench-scale`: whether a million recordings are carried as quickly and in as little memory as the first ones, and
// what a wavspool that has stored them takes for what it is asked. A quarter of an hour, and 8 GB below the directory for
// temporary files.

const { values } = parseArgs({
  options: {
    recordings: { type: 'string', default: '1000000' },
    /** Recordings in each tar. */
    each: { type: 'string', default: '100' },
    /**
     * Tars that may be in the landing directory and not stored: all of them by default, for the longest queues there can be.
     * With fewer, as many as are stored within the quiet period at least, extraction goes on to the end and slows no part more.
     */
    open: { type: 'string', default: 'Infinity' },
    /** Tars in the landing directory when it is rescanned, beside those that were carried. */
    rescan: { type: 'string', default: '100000' },
    /** `extract.copy`. */
    copy: { type: 'string', default: 'true' },
    everySeconds: { type: 'string', default: '5' },
  },
});
const EACH = Number(values.each);
const TARS = Math.ceil(Number(values.recordings) / EACH);
const RECORDINGS = TARS * EACH;
const OPEN = Number(values.open);
const RESCAN = Number(values.rescan);
const BYTES = 1000;

const MB = 1e6;
const ROLE_MB = 300;
const REDIS_MB = 500;
const QUERY_MS = 50;
const START_MS = 2000;
const RESCAN_SECONDS = 10;

const scratch = await mkdtemp(join(tmpdir(), 'wavspool-scale-'));
const sink = await openSink(0);
const start = (): Promise<Fleet> =>
  startFleet(scratch, sink.target, 'scale/', {
    extract: { copy: values.copy === 'true' },
    log: { level: 'debug' },
  });
try {
  const fleet = await start();
  const loaded = await whileItRuns(fleet, load);
  console.log(loadTable(loaded)); // at once: it took a quarter of an hour, and the rest may fail
  const started = await starts(fleet);
  console.log(startTable(started));
  console.log(await writeResults('scale', { recordings: RECORDINGS, tars: TARS, ...loaded, ...started }));
} finally {
  await sink.stop();
  await rm(scratch, { recursive: true });
}

interface Loaded extends Carried {
  readonly emptyStartMs: Times;
  readonly receipts: { readonly seconds: number; readonly lacking: number };
  /** The roles that died meanwhile. */
  readonly died: readonly LoggedEvent['fields'][];
  readonly queriesMs: Times;
  readonly requestsMs: Times;
}

interface Started {
  readonly startsMs: readonly Times[];
  readonly loadingsMs: readonly number[];
  readonly rescansMs: { readonly unknown: readonly number[]; readonly known: readonly number[] };
  /** Of the watcher, while it rescanned known tars. */
  readonly watcherBytes: number;
}

/** Carries everything, and asks what is asked of a wavspool that has. */
async function load(fleet: Fleet): Promise<Loaded> {
  const emptyStartMs = await startTimes(fleet);
  const made = join(scratch, 'made');
  await mkdir(made);
  const tars = await Array.fromAsync(makeSmallTars(made, { tars: TARS, each: EACH, bytes: BYTES }));
  let placed = 0;
  const place = async (stored: number): Promise<void> => {
    const upTo = Math.min(TARS, Math.floor(stored / EACH) + OPEN);
    for (const tar of tars.slice(placed, upTo))
      await rename(tar, join(fleet.settings.paths.incoming, basename(tar)));
    placed = Math.max(placed, upTo);
  };
  const everySeconds = Number(values.everySeconds);
  const carried = await watchLoad(fleet, sink.pid, { recordings: RECORDINGS, everySeconds }, place);
  const receipts = await settled(fleet);
  const died = await fleet.logged('role died');
  failSome(fleet);
  const requestsMs = await requestTimes(fleet);
  return {
    emptyStartMs,
    ...carried,
    receipts,
    died: died.map(({ fields }) => fields),
    queriesMs: await queryTimes(fleet),
    requestsMs,
  };
}

/** Starts it again and again, with more and more tars to look at. */
async function starts(stopped: Pick<Fleet, 'settings'>): Promise<Started> {
  await promisify(execFile)('sync'); // what the load has left to be written is not for a start to pay
  const startsMs = [await during(startTimes), await during(startTimes), await during(startTimes)];
  const loadingsMs = [await loadingMs(), await loadingMs(), await loadingMs()];
  const tiny = placeTinyTars(stopped, RESCAN);
  const tars = TARS + RESCAN;
  const unknown = await during((fleet) => rescanTimes(fleet, { rescans: 1, tars })); // by a second, some are queued
  makeKnown(stopped, tiny);
  const [known, watcherBytes] = await during(async (fleet) => [
    await rescanTimes(fleet, { rescans: 2, tars }), // beside the start, then alone
    peakOfWatcher(fleet),
  ]);
  return { startsMs, loadingsMs, rescansMs: { unknown, known }, watcherBytes };
}

/** What `look` sees of a fleet that is started for it. */
async function during<T>(look: (fleet: Fleet) => Promise<T>): Promise<T> {
  return whileItRuns(await start(), look);
}

async function whileItRuns<T>(fleet: Fleet, look: (fleet: Fleet) => Promise<T>): Promise<T> {
  try {
    return await look(fleet);
  } finally {
    await fleet.stop();
  }
}

function loadTable(loaded: Loaded): string {
  const { throughputs, peakRssBytes, receipts } = loaded;
  const [first, last] = [throughputs.at(0) ?? Number.NaN, throughputs.at(-1) ?? Number.NaN];
  return judgedTable([
    { what: 'recordings a second, all of them', value: RECORDINGS / loaded.seconds, unit: '/s' },
    { what: 'the first tenth', value: first, unit: '/s' },
    { what: 'the last tenth', value: last, unit: '/s' },
    { what: 'last tenth to first', value: last / first, unit: '×', atLeast: 0.9 },
    ...Object.entries(peakRssBytes).map(([name, bytes]) => ({
      what: `peak RSS of ${name}`,
      value: bytes / MB,
      unit: 'MB',
      ...(name === 'sink' ? {} : { atMost: name === 'redis-server' ? REDIS_MB : ROLE_MB }),
    })),
    { what: 'peak of used_memory', value: loaded.peakRedisUsedBytes / MB, unit: 'MB', atMost: REDIS_MB },
    { what: 'from the last recording to the last receipt', value: receipts.seconds, unit: 's' },
    { what: 'tars without a receipt after that', value: receipts.lacking, unit: '' },
    { what: 'roles that died meanwhile', value: loaded.died.length, unit: '', atMost: 0 },
    ...timed(loaded.queriesMs),
    ...timed(loaded.requestsMs),
    { what: 'start, empty', value: loaded.emptyStartMs[STARTED] ?? Number.NaN, unit: 'ms' },
  ]);
}

function startTable({ startsMs, loadingsMs, rescansMs, watcherBytes }: Started): string {
  const medianOf = (phase: string): number => median(startsMs.map((times) => times[phase] ?? Number.NaN));
  return judgedTable([
    { what: 'start', value: medianOf(STARTED), unit: 'ms', atMost: START_MS },
    { what: 'of it, until Redis answers', value: medianOf(REDIS_ANSWERS), unit: 'ms' },
    { what: 'Node and the loading of code alone', value: median(loadingsMs), unit: 'ms' },
    ...Object.entries(rescansMs).flatMap(([what, times]) =>
      times.map((value, rescan) => ({
        what: `rescan ${rescan + 1} of ${RESCAN} ${what} tars more`,
        value: value / 1000,
        unit: 's',
        atMost: RESCAN_SECONDS,
      })),
    ),
    { what: 'peak RSS of watch meanwhile', value: watcherBytes / MB, unit: 'MB', atMost: ROLE_MB },
  ]);
}

function timed(times: Times): Judged[] {
  return Object.entries(times).map(([what, value]) => ({ what, value, unit: 'ms', atMost: QUERY_MS }));
}
