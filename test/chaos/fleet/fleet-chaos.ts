import '../../../src/platform/runtime/require-node.js';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect, isDeepStrictEqual, parseArgs, promisify } from 'node:util';
import { startFleet, type Site } from '../../support/fleet.ts';
import { PASSWORD as REDIS_PASSWORD, SENTINEL_PASSWORD } from '../../support/redis-nodes.ts';
import { ROLES } from '../../support/processes.ts';
import { makeTomorrow } from '../../support/tomorrow.ts';
import { TARS } from '../faults.ts';
import { landTars, makeTrouble, type Course, type Driven, type SentTo } from './driver.ts';
import {
  ENGINE_FAULTS,
  HOST_FAULTS,
  LONG_FAULTS,
  ROLE_FAULTS,
  untilEnginesAreWhole,
  type World,
} from './faults.ts';
import { NoGround, openGround, type Ground, type Host } from './ground.ts';
import { numbersFor, type Numbers } from '../numbers.ts';

// A fleet on a bad day. Four SFTP hosts of three sites share a ledger, a Redis and a bucket, all of them hosts of one network; two of them
// are one site and see the same directories. A seeded driver lands tars on each while it kills, freezes and cuts off, fails over Redis and
// PostgreSQL, and changes the version that a host runs. At the end everything is healed, and an oracle that shares no code with wavspool
// checks every promise.

const run = promisify(execFile);
const BIN = join(import.meta.dirname, '../../../bin/wavspool.js');
const SITES = ['north', 'south', 'west'] as const;
/** The host that `west` has more; the name of no host begins with another's. */
const OTHER_OF_WEST = 'other-west';
const HEALING_MS = 300_000;
const CONVERGING_MS = 120_000;
const LONG_RUN_S = 300;
const MINUTE_MS = 60_000;
const CANNOT_RUN_HERE = 3;
const LINES_SHOWN = 60;
/** The problems that bad tars are, whatever was done to the fleet. */
const OF_BAD_TARS = /^(?:tars-given-up|landing:)/;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    /** `extract.copy`: `true`, `false`, or as an even or odd seed says. */
    copy: { type: 'string', default: 'by seed' },
  },
});
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const copy = values.copy === 'by seed' ? seed % 2 === 0 : values.copy === 'true';
const again = `make fleet-chaos SECONDS=${seconds} SEED=${seed} COPY=${copy}`;
console.log(`a fleet's chaos for ${seconds} s with seed ${seed}, extract.copy: ${copy}`);

await using stack = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(`ended by ${signal}; again: ${again}`);
    void stack.disposeAsync().finally(() => process.exit(1)); // else the network and its programs would stay
  });
}
const ground = stack.use(await openGround().catch(explainAndExit));
const hosts = await hostsOf(ground);
const [one, two, three, store, otherOfWest, ...sites] = hosts;
const tomorrow = stack.use(await makeTomorrow());
const fleet = stack.use(
  await startFleet(
    {
      engines: [one, two, three],
      store,
      sites: Object.fromEntries(sites.map((host) => [host.name, host])),
      more: { [OTHER_OF_WEST]: { of: 'west', place: otherOfWest } },
    },
    { copy },
  ),
);
/** The first host of each site. */
const firsts = SITES.map((name) => {
  const first = fleet.sites.find((host) => host.name === name);
  if (first === undefined) throw new Error(`${name} has no host`);
  return first;
});
const course: Course = { sent: [], faults: {} };
const world: World = {
  fleet,
  hosts: new Map(hosts.map((host) => [host.address, host])),
  number: numbersFor(seed, 'world'),
  versions: { today: BIN, tomorrow: tomorrow.bin },
  ahead: new Set(),
  ledger: { primary: fleet.postgres.primary },
  lastTar,
};
const startedAt = performance.now();
const driven: Driven = { seed, world, course, isOn: () => performance.now() - startedAt < seconds * 1000 };

const wrong = await judgement().catch((error: unknown) => `the run broke off: ${inspect(error)}`);
console.log(
  Object.entries(course.faults)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, n]) => `  ${n} × ${name}`)
    .join('\n'),
);
console.log(await summary());
if (wrong === '') {
  console.log('every promise was kept');
} else {
  console.log(shortened(wrong));
  await Promise.all(fleet.sites.map((site) => site.end())); // else what is copied changes under it
  const evidence = await mkdtemp(join(tmpdir(), 'wavspool-fleet-chaos-'));
  const without = /\/extracted\/|\.sock$/; // the recordings are in the tars, which the seed makes again
  await cp(fleet.directory, evidence, { recursive: true, filter: (path) => !without.test(path) });
  await writeFile(join(evidence, 'wrong.txt'), wrong);
  const rows = await world.ledger.primary.sql('SELECT * FROM uploads ORDER BY site, wav_path');
  await writeFile(join(evidence, 'uploads.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  for (const { directory, place } of [fleet.postgres.primary, ...fleet.postgres.standbys])
    await cp(join(directory, 'log'), join(evidence, `postgres-${place.address}.log`));
  console.log(`logs and settings: ${evidence}\nagain: ${again}`);
}
process.exitCode = wrong === '' ? 0 : 1;

/** Enough to see what it is; the whole stands beside the logs. */
function shortened(text: string): string {
  const lines = text.split('\n');
  const more = lines.length - LINES_SHOWN;
  return more <= 0 ? text : [...lines.slice(0, LINES_SHOWN), `… and ${more} lines more`].join('\n');
}

/** What is wrong after all of it, a line each; empty when nothing is. */
async function judgement(): Promise<string> {
  const ended = new AbortController();
  const progress = tellProgress(ended.signal);
  const roles = seconds >= LONG_RUN_S ? { ...ROLE_FAULTS, ...LONG_FAULTS } : ROLE_FAULTS;
  try {
    await Promise.all([
      ...fleet.sites.map((site) => landTars(driven, site)),
      makeTrouble(driven, 'roles', roles),
      makeTrouble(driven, 'hosts', HOST_FAULTS),
      makeTrouble(driven, 'engines', ENGINE_FAULTS),
      // with a copy its tar is nothing to a recording that was extracted
      ...(copy ? [] : [makeTrouble(driven, 'tars', TARS)]),
    ]);
    console.log(`${clock()}: nothing more is done to it`);
    await untilEnginesAreWhole(world);
    const endedAt = minute(new Date());
    return [...(await heal(endedAt)), ...(await judge(endedAt))].join('\n');
  } finally {
    ended.abort();
    await progress;
  }
}

/** Waits until nothing moves any more and no role, no gate, no problem is left of it, nor a run that is due. Nobody helps. */
async function heal(until: string): Promise<readonly string[]> {
  const late = await quiet();
  const unwell = await Promise.all(fleet.sites.map((site) => converged(site, until)));
  return [...late, ...unwell.flat()];
}

async function quiet(): Promise<readonly string[]> {
  const deadline = performance.now() + HEALING_MS;
  for (;;) {
    const missing = await stillOpen();
    if (missing.length === 0) return [];
    if (performance.now() > deadline)
      return missing.map((line) => `P1: not quiet within ${HEALING_MS / 1000} s: ${line}`);
    await delay(500);
  }
}

/** What the ledger does not have yet of what lies on the hosts, a line for each site that has some. */
async function stillOpen(): Promise<readonly string[]> {
  const figures = await Promise.all(SITES.map(figuresOf));
  return SITES.flatMap((name, at) => {
    const landed = landedOn(name);
    const good = landed.filter((tar) => tar.good).length;
    const wanted = { open: 0, tars: good, failed: landed.length - good, unvouched: 0 };
    const { stored: _, ...found } = figures[at] ?? { stored: 0 };
    return isDeepStrictEqual(found, wanted)
      ? []
      : [`${name}: ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`];
  });
}

interface Figures {
  readonly open: number;
  readonly stored: number;
  readonly tars: number;
  readonly failed: number;
  /** Tars without a receipt. */
  readonly unvouched: number;
}

async function figuresOf(name: string): Promise<Figures> {
  const of = `FROM uploads WHERE site = '${name}' AND`;
  const [row] = await world.ledger.primary.sql<Figures>(
    `SELECT (SELECT count(*) ${of} status <> 'SUCCESS' AND wav_path IS DISTINCT FROM tar)::int AS open,
     (SELECT count(*) ${of} status = 'SUCCESS')::int AS stored,
     (SELECT count(*) FROM extracted_tars WHERE site = '${name}')::int AS tars, (SELECT count(*) ${of} wav_path = tar)::int AS failed,
     (SELECT count(*) FROM extracted_tars WHERE site = '${name}' AND receipt_for IS DISTINCT FROM sha256)::int AS unvouched`,
  );
  if (row === undefined) throw new Error('the ledger counts nothing');
  return row;
}

/** As a journal spells it. */
function minute(time: Date): string {
  return time.toISOString().slice(0, 'YYYY-MM-DDTHH:mm'.length);
}

/** The newest minute whose snapshot a host has taken. */
async function lastSnapshot({ data }: Site): Promise<string> {
  const done =
    "SELECT coalesce(max(due), '') FROM runs WHERE job = 'snapshot calls minutely' AND outcome = 'done'";
  const { stdout } = await run('sqlite3', [
    '-readonly',
    '-cmd',
    '.timeout 5000',
    join(data, 'jobs.db'),
    done,
  ]);
  return stdout.trim();
}

/** Every role is at work and says that all is well, but for the bad tars; the snapshot that was due at `until` has been taken. */
async function converged(site: Site, until: string): Promise<readonly string[]> {
  const deadline = performance.now() + CONVERGING_MS;
  for (;;) {
    const { roles, verdict } = await site.status();
    const left = verdict.attention.filter(({ id }) => !OF_BAD_TARS.test(id));
    const held = verdict.held.filter(({ what }) => what !== 'landing');
    const missing = ROLES.filter(
      (name) => !roles.some(({ role, host }) => role === name && host === site.host),
    );
    const copied = await lastSnapshot(site);
    const isWell = verdict.alive && left.length === 0 && missing.length === 0 && held.length === 0;
    if (isWell && copied >= until) return [];
    if (performance.now() > deadline)
      return [
        `${site.host} does not converge: ${inspect({ alive: verdict.alive, left, held, missing, copied, until })}`,
      ];
    await delay(500);
  }
}

/** What the oracle and wavspool's own audit find wrong, once every site has ended. */
async function judge(until: string): Promise<readonly string[]> {
  const codes = await Promise.all(fleet.sites.map((site) => site.stop()));
  const audits = await Promise.all(firsts.map(unclean));
  const { port, place } = world.ledger.primary;
  const { endpoint, accessKeyId, secretAccessKey, bucket } = fleet.s3;
  const manifest = {
    endpoint,
    accessKeyId,
    secretAccessKey,
    bucket,
    ledger: `postgres://wavspool@${place.address}:${port}/wavspool`,
    secrets: [secretAccessKey, REDIS_PASSWORD, SENTINEL_PASSWORD],
    until,
    sites: firsts.map(({ name, incoming }) => ({ name, incoming })),
    hosts: fleet.sites.map(({ host, data, incoming, copies }) => ({ name: host, data, incoming, copies })),
    tars: SITES.flatMap(landedOn),
  };
  const path = join(fleet.directory, 'manifest.json');
  await writeFile(path, JSON.stringify(manifest), { mode: 0o600 });
  const oracle = await run('python3', ['-B', join(import.meta.dirname, 'oracle.py'), path], {
    maxBuffer: 1 << 26,
  }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
  return [
    ...codes.flatMap((code, at) => (code === 0 ? [] : [`${fleet.sites[at]?.host}: up ended with ${code}`])),
    ...audits.flat(),
    ...('code' in oracle ? [`${oracle.stdout}${oracle.stderr}`] : []),
  ];
}

/** What `audit --receipts` finds: nothing, and nothing open but the tars that are bad, which it says with exit 1. */
async function unclean(site: Site): Promise<readonly string[]> {
  const { code, stdout, stderr } = await site.wavspool('audit', '--receipts', '--json');
  if (code > 1) return [`${site.name}: wavspool audit --receipts ended with ${code}: ${stderr}`];
  const { findings, open } = JSON.parse(stdout) as {
    findings: unknown[];
    open: { pending: number; failed: number; tars: number };
  };
  const bad = landedOn(site.name).filter(({ good }) => !good).length;
  const isClean = findings.length === 0 && open.pending + open.failed === 0 && open.tars === bad;
  return isClean && code === (bad === 0 ? 0 : 1)
    ? []
    : [`${site.name}: wavspool audit --receipts ended with ${code}: ${stdout}${stderr}`];
}

/** What lies on a site's disk in the end, under its final name: of a session that broke, nothing else tells. */
function landedOn(name: string): readonly SentTo[] {
  const there = course.sent.filter((tar) => tar.site === name && existsSync(placeOf(tar)));
  return [...new Map(there.map((tar) => [tar.path, tar])).values()];
}

function placeOf({ site, path }: SentTo): string {
  return join(firsts.find(({ name }) => name === site)?.incoming ?? '', path);
}

/** One of the plain tars that landed last, of which some are extracted and not uploaded. */
function lastTar(number: Numbers): string | undefined {
  const plain = course.sent.filter(
    (tar) => tar.good && tar.path.endsWith('.tar') && existsSync(placeOf(tar)),
  );
  const last = plain.slice(-5);
  const tar = last[number(Math.max(1, last.length))];
  return tar === undefined ? undefined : placeOf(tar);
}

async function tellProgress(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(MINUTE_MS, undefined, { signal }).catch(() => undefined); // the end
    if (signal.aborted) return;
    console.log(
      await summary().catch((error: unknown) => `${clock()}: the ledger is away (${String(error)})`),
    );
  }
}

/** A line: how long it has run, what was done to it, and how far each site is. */
async function summary(): Promise<string> {
  const figures = await Promise.all(SITES.map(figuresOf));
  const sums = SITES.map((name, at) => {
    const landed = landedOn(name);
    const recordings = landed.reduce((sum, tar) => sum + tar.recordings.length, 0);
    const { stored = 0, failed = 0 } = figures[at] ?? {};
    return `${name} ${landed.length} tars, ${stored}/${recordings} recordings stored, ${failed} tars bad`;
  });
  const faults = Object.values(course.faults).reduce((sum, n) => sum + n, 0);
  return `${clock()}: ${faults} faults; ${sums.join('; ')}`;
}

function clock(): string {
  const elapsed = Math.round((performance.now() - startedAt) / 1000);
  return `${Math.floor(elapsed / 60)}:${String(elapsed % 60).padStart(2, '0')}`;
}

async function hostsOf(network: Ground): Promise<readonly [Host, Host, Host, Host, Host, ...Host[]]> {
  return [
    await network.host('engine-1'),
    await network.host('engine-2'),
    await network.host('engine-3'),
    await network.host('store'),
    await network.host(OTHER_OF_WEST),
    await network.host(SITES[0]),
    await network.host(SITES[1]),
    await network.host(SITES[2]),
  ];
}

function explainAndExit(error: unknown): never {
  if (!(error instanceof NoGround)) throw error;
  console.error(`fleet-chaos cannot run here: ${error.message}`);
  process.exit(CANNOT_RUN_HERE);
}
