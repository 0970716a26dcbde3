import { link, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis.ts';
import { LOADS, makeCorpus } from './corpus.ts';
import { startFleet, stored, type Fleet } from './fleet.ts';
import { serverCpu, startLedgerServers } from './ledger-server.ts';
import { openSink, type Sink } from './open-sink.ts';
import { usageOf } from './process-tree.ts';
import { median, writeResults } from './report.ts';

// `npm run bench:sites`: the same tars on one site, on two, on three of this machine at once, with one ledger on PostgreSQL and one Redis.
// How much more they carry together, and what a recording costs the ledger.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    sites: { type: 'string', default: '3' },
    /** Of the store: sites wait for it, so that one of them does not take both cores. */
    delay: { type: 'string', default: '80' },
    recordings: { type: 'string' },
    /** So many synchronous standbys, on this machine too. */
    standbys: { type: 'string', default: '0' },
  },
});

interface Round {
  readonly sites: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly ledgerCpuSeconds: number;
  readonly redisCpuSeconds: number;
}

const [standard] = LOADS;
if (standard === undefined) throw new Error('there is no load');
const load = { ...standard, recordings: Number(values.recordings ?? standard.recordings) };
const most = Number(values.sites);
const scratch = await mkdtemp(join(tmpdir(), 'wavspool-sites-bench-'));
const rounds: Round[] = [];
try {
  const corpora: (readonly string[])[] = [];
  for (let site = 0; site < most; site += 1) {
    const directory = await mkdtemp(join(scratch, 'corpus-'));
    corpora.push((await makeCorpus(directory, load, site + 1)).tars);
  }
  await using servers = await startLedgerServers(Number(values.standbys));
  await using redis = await startRedis();
  const sink = await openSink(Number(values.delay));
  try {
    for (let round = 1; round <= Number(values.rounds); round += 1)
      for (let sites = 1; sites <= most; sites += 1) {
        const cpu = async (): Promise<readonly [number, number]> => [
          await serverCpu(servers.primary),
          usageOf(redis.pid()).cpuSeconds,
        ];
        const shared = { state: { url: servers.url }, redis: { url: redis.url } };
        const fleets = await startSites(sink, `${round}-${sites}`, sites, shared);
        try {
          const one = await carry(fleets, corpora, cpu);
          rounds.push({ sites, ...one });
          console.log(`round ${round}: ${shown({ sites, ...one })} (load ${loadavg()[0]?.toFixed(1)})`);
        } finally {
          for (const fleet of fleets) {
            await fleet.stop();
            await rm(fleet.settings.paths.incoming, { recursive: true }); // links to the corpus, which the others need
          }
        }
      }
  } finally {
    await sink.stop();
  }
} finally {
  await rm(scratch, { recursive: true });
}
console.log(table());
const { delay, standbys } = values;
console.log(
  await writeResults('sites', { load, delayMs: Number(delay), standbys: Number(standbys), rounds }),
);

async function startSites(sink: Sink, run: string, sites: number, shared: object): Promise<readonly Fleet[]> {
  const fleets: Fleet[] = [];
  for (let at = 0; at < sites; at += 1) {
    const directory = await mkdtemp(join(scratch, 'site-'));
    const site = `site-${run}-${at}`;
    fleets.push(await startFleet(directory, sink.target, `${site}/`, { site, ...shared }));
  }
  return fleets;
}

/** From the moment the tars are in place on every site until the last recording of all is stored. */
async function carry(
  fleets: readonly Fleet[],
  corpora: readonly (readonly string[])[],
  engines: () => Promise<readonly [number, number]>,
): Promise<Omit<Round, 'sites'>> {
  const [ledgerBefore, redisBefore] = await engines();
  const before = fleets.map(({ pid }) => usageOf(pid).cpuSeconds);
  const startedAt = performance.now();
  await Promise.all(
    fleets.map(async (fleet, at) => {
      const placed: string[] = [];
      for (const tar of corpora[at] ?? []) {
        const path = join(fleet.settings.paths.incoming, basename(tar));
        await link(tar, path);
        placed.push(path);
      }
      await fleet.request('/api/ingest', { tars: placed });
      await stored(fleet, load.recordings);
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const [ledgerAfter, redisAfter] = await engines();
  const own = fleets.reduce((sum, { pid }, at) => sum + usageOf(pid).cpuSeconds - (before[at] ?? 0), 0);
  const [ledgerCpuSeconds, redisCpuSeconds] = [ledgerAfter - ledgerBefore, redisAfter - redisBefore];
  return { seconds, cpuSeconds: own + ledgerCpuSeconds + redisCpuSeconds, ledgerCpuSeconds, redisCpuSeconds };
}

function shown({ sites, seconds, cpuSeconds, ledgerCpuSeconds }: Round): string {
  const all = sites * load.recordings;
  return `${sites} sites ${seconds.toFixed(2)} s, ${Math.round(all / seconds)} recordings/s, ${cpuSeconds.toFixed(2)} CPU s, ledger ${Math.round((ledgerCpuSeconds / all) * 1e6)} µs a recording`;
}

/** The median of a figure over the rounds of so many sites. */
function of(sites: number, figure: (round: Round) => number): number {
  return median(rounds.filter((round) => round.sites === sites).map(figure));
}

function rate(sites: number): number {
  return (sites * load.recordings) / of(sites, ({ seconds }) => seconds);
}

/** µs a recording. */
function each(sites: number, figure: (round: Round) => number): string {
  return String(Math.round((of(sites, figure) / (sites * load.recordings)) * 1e6));
}

function table(): string {
  const rows = Array.from({ length: most }, (_, at) => at + 1).map((sites) =>
    [
      sites,
      of(sites, ({ seconds }) => seconds).toFixed(2),
      Math.round(rate(sites)),
      (rate(sites) / rate(1)).toFixed(2),
      each(sites, ({ cpuSeconds }) => cpuSeconds),
      each(sites, ({ ledgerCpuSeconds }) => ledgerCpuSeconds),
      each(sites, ({ redisCpuSeconds }) => redisCpuSeconds),
    ].join(' | '),
  );
  const head =
    'sites | wall, s | recordings a second | ÷ one | CPU of all, µs a recording | of it the ledger | of it Redis';
  return [
    `| ${head} |`,
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}
