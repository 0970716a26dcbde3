import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startSentinels } from '../test/support/redis-nodes.ts';
import { until } from '../test/support/ports.ts';
import { makeTar } from '../test/support/tars.ts';
import type { PostgresNode } from '../test/support/postgres.ts';
import { sleep, startFleet, type Fleet } from './fleet.ts';
import { startLedgerServers } from './ledger-server.ts';
import { openSink } from './open-sink.ts';
import { median, writeResults } from './report.ts';

// `npm run bench:failover`: one site under a steady trickle of tars, with a ledger on PostgreSQL (primary and two synchronous standbys)
// and Redis with three sentinels. Kills the Redis master, then the PostgreSQL primary, so many times each, and measures the gap between
// the last recording that was stored before and the first one after. At the end every recording that landed is counted.

const { values } = parseArgs({ options: { times: { type: 'string', default: '10' } } });
const TIMES = Number(values.times);
const TAR_EVERY_MS = 200;
const EACH = 4;
/** So long a manager of PostgreSQL takes to find that the primary is dead. */
const PROMOTE_AFTER_MS = 1000;
const CALM_MS = 3000;
const BACK_WITHIN_MS = 120_000;
/** So many recordings are looked at from the kill on. */
const SETTLED = 40;

interface Gap {
  readonly part: 'Redis' | 'PostgreSQL';
  /** Between two recordings that were stored, the kill being between them. */
  readonly gapMs: number;
  /** From the kill until another one was master or primary. */
  readonly chosenMs: number;
}

const scratch = await mkdtemp(join(tmpdir(), 'wavspool-failover-bench-'));
const sink = await openSink(0);
const gaps: Gap[] = [];
let landed = 0;
try {
  await using servers = await startLedgerServers(2);
  await using redis = await startSentinels();
  const chosen = {
    site: 'bench',
    state: { url: servers.url },
    redis: redis.settings,
    log: { level: 'debug' },
  } as const;
  await using started = new AsyncDisposableStack();
  const fleet = await startFleet(scratch, sink.target, 'bench/', chosen);
  started.defer(() => fleet.stop()); // also where a measurement fails
  let primary = servers.primary;
  const ended = new AbortController();
  const landing = trickle(fleet, ended.signal);
  try {
    await sleep(CALM_MS);
    for (let time = 0; time < TIMES; time += 1)
      await measure('Redis', fleet, async () => {
        const lost = await redis.master();
        lost.signal('SIGKILL');
        const killedAt = Date.now();
        await until('another master is chosen', async () => (await redis.master()).port !== lost.port);
        const chosenMs = Date.now() - killedAt;
        return { killedAt, chosenMs, mend: () => lost.start() };
      });
    for (let time = 0; time < TIMES; time += 1)
      await measure('PostgreSQL', fleet, async () => {
        const lost = primary;
        const killedAt = Date.now();
        await lost.kill();
        await sleep(PROMOTE_AFTER_MS);
        primary = await servers.failOver(lost);
        const chosenMs = Date.now() - killedAt;
        const mend = async (): Promise<void> => {
          await servers.rejoin(lost, primary);
          await servers.untilWhole(primary);
        };
        return { killedAt, chosenMs, mend };
      });
  } finally {
    ended.abort();
    await landing;
  }
  await until('every recording is stored', async () => (await storedIn(primary)) >= landed, BACK_WITHIN_MS);
  const count = await storedIn(primary);
  console.log(`${landed} recordings landed, ${count} are stored`);
  if (count !== landed) process.exitCode = 1;
} finally {
  await sink.stop();
  await rm(scratch, { recursive: true });
}
console.log(table());
console.log(
  await writeResults('failover', {
    landed,
    tarEveryMs: TAR_EVERY_MS,
    promoteAfterMs: PROMOTE_AFTER_MS,
    gaps,
  }),
);

/** As a phone system lands them: under another name, then renamed. */
async function trickle({ settings }: Fleet, signal: AbortSignal): Promise<void> {
  const { incoming } = settings.paths;
  const partial = join(scratch, 'partial');
  await mkdir(partial);
  for (let number = 0; !signal.aborted; number += 1) {
    const members = Array.from({ length: EACH }, (_, at) => ({
      name: `call-${number}-${at}.wav`,
      body: Buffer.from(`RIFF of call ${number}-${at}`.padEnd(20_000, `${number}.${at} `)),
    }));
    const tar = `calls-${String(number).padStart(6, '0')}.tar`;
    await writeFile(join(partial, tar), makeTar(members));
    await rename(join(partial, tar), join(incoming, tar));
    landed += EACH;
    await sleep(TAR_EVERY_MS);
  }
}

interface Lost {
  /** ms since 1970. */
  readonly killedAt: number;
  readonly chosenMs: number;
  readonly mend: () => Promise<void>;
}

/** Kills, waits until recordings are stored again, mends, and notes the longest gap around the kill. */
async function measure(part: Gap['part'], fleet: Fleet, kill: () => Promise<Lost>): Promise<void> {
  const { killedAt, chosenMs, mend } = await kill();
  await until(
    `recordings are stored after ${part}`,
    async () => (await gapAt(fleet, killedAt)) !== undefined,
    BACK_WITHIN_MS,
  );
  await mend();
  await sleep(CALM_MS);
  const gapMs = (await gapAt(fleet, killedAt)) ?? Number.NaN;
  gaps.push({ part, gapMs, chosenMs });
  console.log(`${part}: another one after ${chosenMs} ms, no recording stored for ${gapMs} ms`);
}

/** The longest time without a recording that was stored, from a second before the kill until ten of them came after it; undefined: not yet. */
async function gapAt(fleet: Fleet, killedAt: number): Promise<number | undefined> {
  const times = (await fleet.logged('recording uploaded')).map(({ at }) => at).toSorted((a, b) => a - b);
  const begin = times.findLastIndex((at) => at < killedAt);
  const after = times.slice(Math.max(begin, 0));
  // what was on its way when the kill came may end a moment later: the longest pause among the next ones is the gap
  if (after.length < SETTLED) return undefined;
  return Math.max(...after.slice(1, SETTLED).map((at, index) => at - (after[index] ?? at)));
}

async function storedIn(primary: PostgresNode): Promise<number> {
  const text = "SELECT coalesce(sum(success), 0)::int AS count FROM recording_counts WHERE site = 'bench'";
  return (await primary.sql<{ count: number }>(text))[0]?.count ?? 0;
}

function row(part: Gap['part']): string {
  const of = gaps.filter((gap) => gap.part === part);
  const all = of.map(({ gapMs }) => gapMs);
  const figures = [
    median(all),
    Math.min(...all),
    Math.max(...all),
    median(of.map(({ chosenMs }) => chosenMs)),
  ];
  return `| ${part} | ${of.length} | ${figures.map((ms) => (ms / 1000).toFixed(1)).join(' | ')} |`;
}

function table(): string {
  const head = '| killed | times | gap, s | shortest | longest | of it until another was chosen |';
  return [head, '| --- | --- | --- | --- | --- | --- |', row('Redis'), row('PostgreSQL')].join('\n');
}
