import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { openHistory } from '../src/operate/history/index.ts';
import { startRedis } from '../test/support/redis.ts';
import { fillLedger } from './fill-ledger.ts';
import { startFleet, type Fleet } from './fleet.ts';
import { startLedgerServers } from './ledger-server.ts';
import { ledgerTimes } from './ledger-times.ts';
import { openSink } from './open-sink.ts';
import { judgedTable, writeResults, type Judged } from './report.ts';
import { loadFigures, memoryFigures, questionTimes, type Known } from './scale-console.ts';

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
const EACH = 100;
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
  fill(settings.paths.state, settings.paths.incoming, settings.paths.extracted);
  await fillHistory(settings.paths.state);
  // the dashboard in a process of its own, so that its memory is its own
  const fleet = await startFleet(scratch, sink.target, 'bench/', { up: { processes: 'each' } });
  try {
    const figures = [
      ...(isAsked('questions') ? await questionTimes(fleet, knownOf(settings)) : []),
      ...(isAsked('page') ? await loadFigures(fleet) : []),
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

/** As a million calls of the last hundred days have left it; one in a hundred has failed. */
function fill(state: string, incoming: string, extracted: string): void {
  const db = new Database(state);
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @count)';
  db.pragma('synchronous = OFF');
  db.prepare(
    `${numbers} INSERT INTO uploads (wav_path, status, timestamp, error_message, retry_count, cause, tar, member, size, sha256, key, etag,
       duration_ms, codec, sample_rate, channels, wav_valid, tar_mtime_ms)
     SELECT @extracted || '/day-' || (i / 1000 % 100) || printf('/call-%07d.wav', i), iif(i % 100 = 0, 'FAILED', 'SUCCESS'),
       datetime('now', '-' || (i / 10000) || ' days', '-' || (i % 86400) || ' seconds'), iif(i % 100 = 0, 'failed by the bench', NULL),
       iif(i % 100 = 0, 5, 0), iif(i % 100 = 0, iif(i % 300 = 0, 'rejected', 'conflict'), NULL),
       @incoming || '/day-' || (i / 1000 % 100) || '/tar-' || (i / CAST(@each AS INTEGER)) || '.tar', printf('call-%07d.wav', i), 220000, lower(hex(randomblob(32))),
       'bench/' || printf('call-%07d.wav', i), 'e', i % 600 * 1000, iif(i % 50 = 0, 'alaw', 'pcm'), 8000, 1, 1, 1
     FROM n`,
  ).run({ count: RECORDINGS, each: EACH, incoming, extracted });
  db.prepare(
    `${numbers} INSERT INTO extracted_tars (path, timestamp, size, mtime_ms, sha256, recordings, bytes, skipped, refused, wavs, receipt_for,
       receipt_seq, receipts)
     SELECT @incoming || '/day-' || (i * CAST(@each AS INTEGER) / 1000 % 100) || '/tar-' || i || '.tar', datetime('now', '-' || (i / 100) || ' days'), 1, 1, h, CAST(@each AS INTEGER), 1, 0, 0,
       CAST(@each AS INTEGER), h, i + 1, json_array(json_object('seq', i + 1, 'key', 'r/' || i, 'sha256', h, 'tarSha256', h))
     FROM (SELECT i, lower(hex(randomblob(32))) AS h FROM n)`,
  ).run({ count: Math.ceil(RECORDINGS / EACH), each: EACH, incoming });
  db.exec('ANALYZE');
  db.close();
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
