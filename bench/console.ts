import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openHistory } from '../src/operate/history/index.ts';
import { fillState } from '../test/support/fill-state.ts';
import { startRedis } from '../test/support/redis.ts';
import { fillLedger } from './fill-ledger.ts';
import { startFleet, type Fleet } from './fleet.ts';
import { startLedgerServers } from './ledger-server.ts';
import { ledgerTimes } from './ledger-times.ts';
import { openSink } from './open-sink.ts';
import { judgedTable, writeResults, type Judged } from './report.ts';
import { listFigures, loadFigures, memoryFigures, questionTimes, type Known } from './scale-console.ts';

// `npm run bench:console`: what the console takes at a million recordings that were never carried: their rows are written by SQL. With
// `--ledger postgres` the ledger has ten sites of so many, and the console is asked of one, of another one and of all.
// With --only questions, page or memory it measures that alone.

const { values } = parseArgs({
  options: {
    recordings: { type: 'string', default: '1000000' },
    ledger: { type: 'string', default: 'sqlite' },
    sites: { type: 'string', default: '10' },
    only: { type: 'string' },
  },
});
const RECORDINGS = Number(values.recordings);
const isAsked = (what: 'questions' | 'page' | 'memory'): boolean =>
  values.only === undefined || values.only === what;
const SITES = Array.from({ length: Number(values.sites) }, (_, at) => `site-${at}`);
const MINUTES = 30 * 24 * 60;
const EVENTS = 100_000;
const BATCH = 1000;
/** Of an operator's machine that has ten million recordings. */
const LEDGER_SETTINGS = ["shared_buffers = '1GB'", "max_wal_size = '8GB'", 'random_page_cost = 1.1'];

if (!['sqlite', 'postgres'].includes(values.ledger)) throw new Error('--ledger takes sqlite or postgres');
const scratch = await mkdtemp(join(tmpdir(), 'wavspool-console-bench-'));
const sink = await openSink(0);
try {
  if (values.ledger === 'postgres') await measureSites();
  else await measureOne();
} finally {
  await sink.stop();
  await rm(scratch, { recursive: true });
}

async function measureOne(): Promise<void> {
  const empty = await startFleet(scratch, sink.target, 'bench/');
  const { settings } = empty;
  await empty.stop();
  fillState(settings.paths, RECORDINGS);
  await fillHistory(settings.paths.state);
  // the dashboard in a process of its own, so that its memory is its own
  const fleet = await startFleet(scratch, sink.target, 'bench/', { up: { processes: 'each' } });
  try {
    const figures = [
      ...(isAsked('questions') ? await questionTimes(fleet, knownOf(settings)) : []),
      ...(isAsked('page') ? [...(await loadFigures(fleet)), ...(await listFigures(fleet))] : []),
      ...(isAsked('memory') ? await memoryFigures(fleet) : []),
    ];
    await tell('console', figures);
  } finally {
    await fleet.stop();
  }
}

async function measureSites(): Promise<void> {
  await using servers = await startLedgerServers(0, LEDGER_SETTINGS);
  await using redis = await startRedis();
  const [own = '', other = ''] = SITES;
  const chosen = { site: own, state: { url: servers.url }, redis: { url: redis.url } };
  const empty = await startFleet(scratch, sink.target, 'bench/', chosen);
  const { settings } = empty;
  await empty.stop();
  const { incoming, extracted } = settings.paths;
  const { endpoint, bucket } = sink.target;
  const filling = {
    sites: SITES,
    recordings: RECORDINGS,
    events: EVENTS,
    minutes: MINUTES,
    incoming,
    extracted,
  };
  const store = `${new URL(endpoint).host}/${bucket}`;
  await fillLedger(servers.address, { ...filling, store }, (line) => console.log(line));
  const fleet = await startFleet(scratch, sink.target, 'bench/', chosen);
  try {
    const known = knownOf(settings);
    const figures = [
      ...(await ledgerTimes(servers.address, other, store, known)),
      ...(await questionTimes(fleet, known)),
      ...(await questionTimes(fleet, known, other)),
      ...(await questionTimes(fleet, known, 'all')),
      ...(await loadFigures(fleet)),
    ];
    await tell('console-sites', figures);
  } finally {
    await fleet.stop();
  }
}

function knownOf({ paths: { incoming, extracted } }: Fleet['settings']): Known {
  return {
    recording: join(extracted, 'day-77/call-0077777.wav'),
    tar: join(incoming, 'day-77/tar-777.tar'),
    part: 'call-0077777',
  };
}

async function tell(bench: string, figures: readonly Judged[]): Promise<void> {
  console.log(judgedTable(figures));
  console.log(await writeResults(bench, { recordings: RECORDINGS, figures }));
}

/** Thirty days of minutes, and as many events as there may be. */
async function fillHistory(state: string): Promise<void> {
  const history = openHistory(state);
  const present = Math.floor(Date.now() / 60_000) * 60_000;
  await history.noteMinutes(
    Array.from({ length: MINUTES }, (_, at) => ({
      at: present - (MINUTES - at) * 60_000,
      uploaded: at % 90,
      failed: 0,
      bytes: (at % 90) * 220_000,
      backlog: 0,
      oldestSeconds: 0,
      freeBytes: 1e12 + at,
    })),
  );
  for (let from = 0; from < EVENTS; from += BATCH)
    await history.noteEvents(
      Array.from({ length: BATCH }, (_, at) => ({
        id: `bench-${from + at}`,
        at: Date.now() - (EVENTS - from - at) * 20_000,
        level: 'info',
        event: (from + at) % 5000 === 0 ? 'role started' : 'recording failed',
        role: 'upload',
        by: undefined,
        about: `/bench/call-${from + at}.wav`,
        fields: {
          recording: `/bench/call-${from + at}.wav`,
          attempt: 1,
          cause: 'network',
          err: { message: 'x'.repeat(300) },
        },
      })),
    );
  history.close();
}
