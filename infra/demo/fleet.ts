import '../../src/platform/runtime/require-node.js';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { startFleet, type Site } from '../../test/support/fleet.ts';
import { LOOPBACK } from '../../test/support/place.ts';
import type { PostgresNode } from '../../test/support/postgres.ts';
import { until } from '../../test/support/ports.ts';
import { makeTar } from '../../test/support/tars.ts';
import { makeWav } from '../../test/support/wavs.ts';

// What a fresh checkout shows of a fleet: three sites on this machine with one ledger on PostgreSQL, one Redis with sentinels and one
// bucket. Tars land on each over SFTP while Redis and PostgreSQL fail over, and every recording is compared by hash with what came back.

const CODECS = ['pcm16', 'ulaw', 'alaw', 'gsm610', 'pcm8'] as const;
const LINE_EVERY_MS = 2000;
const STORED_WITHIN_MS = 180_000;
const NEEDS_ROOT = 3;

const { values } = parseArgs({ options: { tars: { type: 'string' }, recordings: { type: 'string' } } });
const tarsPerSite = Number(values.tars ?? 6);
const recordingsPerTar = Number(values.recordings ?? 20);
if (process.getuid?.() !== 0) {
  console.error(
    'demo-fleet needs root: its three sshd shut their clients in, and its store is Ceph’s gateway',
  );
  process.exit(NEEDS_ROOT);
}

interface Landed {
  readonly site: Site;
  readonly bytes: number;
  /** SHA-256 by the recording's name. */
  readonly recordings: ReadonlyMap<string, string>;
}

console.log('starting PostgreSQL with two standbys, Redis with three sentinels, a store, and three sites …');
await using stack = new AsyncDisposableStack();
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
const fleet = stack.use(
  await startFleet({
    engines: [LOOPBACK, LOOPBACK, LOOPBACK],
    store: LOOPBACK,
    sites: { north: LOOPBACK, south: LOOPBACK, west: LOOPBACK },
  }),
);
let primary: PostgresNode = fleet.postgres.primary;
const landed: Landed[] = [];
const startedAt = performance.now();
for (const site of fleet.sites) console.log(`  ${site.name}: ${await consoleOf(site)}`);

const progress = tellProgress();
const half = Math.ceil(tarsPerSite / 2);
await landOnEach(half);
await failOverRedis();
await landOnEach(tarsPerSite - half, failOverPostgres);
await until('every recording is stored', async () => (await storedOf()) === expected(), STORED_WITHIN_MS);
ended.signal.throwIfAborted();
const isWhole = await showTable();
if (process.stdout.isTTY && !ended.signal.aborted) {
  console.log(
    `\nsettings of a site: ${fleet.sites[0]?.config}\n  try: npm run -s wavspool -- status --site all --config …\nCtrl-C ends everything`,
  );
  await new Promise((resolve) => ended.signal.addEventListener('abort', resolve));
}
ended.abort();
await progress;
console.log('ending …');
process.exitCode = isWhole ? 0 : 1;

async function landOnEach(tars: number, meanwhile?: () => Promise<void>): Promise<void> {
  const happening = meanwhile?.();
  for (let n = 0; n < tars; n += 1) {
    await Promise.all(fleet.sites.map(land));
    await delay(1000);
  }
  await happening;
}

/** As a phone system does: under a temporary name, then renamed. */
async function land(site: Site): Promise<void> {
  const number = landed.length;
  const members = Array.from({ length: recordingsPerTar }, (_, i) => ({
    name: `call-${number}-${i}.wav`,
    body: makeWav({
      codec: CODECS[i % CODECS.length] ?? 'pcm16',
      sampleRate: 8000,
      channels: 1,
      seconds: 2 + (i % 5),
      seed: Date.now() + number * 1000 + i,
    }),
  }));
  const tar = makeTar(members);
  const local = join(site.sshd.workDirectory, `calls-${number}.tar`);
  const hashes = members.map(
    ({ name, body }) => [name, createHash('sha256').update(body).digest('hex')] as const,
  );
  landed.push({ site, bytes: tar.length, recordings: new Map(hashes) });
  await writeFile(local, tar);
  const target = `/incoming/calls-${number}.tar`;
  const { exitCode, stderr } = await site.sshd.sftp([
    `put ${local} ${target}.part`,
    `rename ${target}.part ${target}`,
  ]);
  if (exitCode !== 0) throw new Error(`sftp to ${site.name}: ${stderr}`);
}

async function failOverRedis(): Promise<void> {
  const master = await fleet.redis.master();
  say(`Redis: its master (port ${master.port}) is killed`);
  master.signal('SIGKILL');
  await until('the sentinels choose another', async () => (await fleet.redis.master()).port !== master.port);
  say(`Redis: the sentinels chose port ${(await fleet.redis.master()).port}`);
  await master.start();
}

async function failOverPostgres(): Promise<void> {
  const lost = primary;
  say(`PostgreSQL: the primary (port ${lost.port}) is killed`);
  await lost.kill();
  primary = await fleet.postgres.failOver(lost);
  say(`PostgreSQL: the standby at port ${primary.port} was promoted`);
  await fleet.postgres.rejoin(lost, primary);
  await fleet.postgres.untilWhole(primary);
  say('PostgreSQL: the former primary is a standby');
}

interface StoredRow {
  readonly site: string;
  readonly sha256: string;
  readonly key: string;
}

async function rowsOf(): Promise<readonly StoredRow[]> {
  return primary.sql<StoredRow>("SELECT site, sha256, key FROM uploads WHERE status = 'SUCCESS'");
}

async function storedOf(): Promise<number> {
  return (await rowsOf()).length;
}

function expected(): number {
  return landed.reduce((sum, { recordings }) => sum + recordings.size, 0);
}

async function tellProgress(): Promise<void> {
  while (!ended.signal.aborted) {
    await delay(LINE_EVERY_MS, undefined, { signal: ended.signal }).catch(() => undefined); // the end
    const rows = await rowsOf().catch(() => undefined);
    if (rows !== undefined && rows.length === expected()) continue;
    const sums = fleet.sites.map((site) => {
      const has = rows?.filter((row) => row.site === site.name).length ?? '?';
      return `${site.name} ${has}/${of(site).reduce((sum, { recordings }) => sum + recordings.size, 0)}`;
    });
    say(`${sums.join('  ')} recordings in the bucket${rows === undefined ? ' (the ledger is away)' : ''}`);
  }
}

function of(site: Site): readonly Landed[] {
  return landed.filter((tar) => tar.site === site);
}

/** Reads every recording back and compares its bytes with the tar's member. Returns whether all of them are as they landed. */
async function showTable(): Promise<boolean> {
  const head = ['site', 'tars', 'recordings', 'bytes', 'verified by hash', 'audit --receipts'];
  const table = new Table({ head, style: { head: [], border: [] } });
  const rows = await rowsOf();
  let isWhole = true;
  for (const site of fleet.sites) {
    const keys = new Map(
      rows.filter((row) => row.site === site.name).map(({ sha256, key }) => [sha256, key]),
    );
    const hashes = of(site).flatMap(({ recordings }) => [...recordings.values()]);
    let verified = 0;
    for (const sha256 of hashes) {
      const bytes = await fleet.s3.bytes(keys.get(sha256) ?? '');
      if (createHash('sha256').update(bytes).digest('hex') === sha256) verified += 1;
    }
    const audit = await auditOf(site);
    isWhole &&= verified === hashes.length && audit === 'clean';
    const bytes = of(site).reduce((sum, tar) => sum + tar.bytes, 0);
    table.push([site.name, of(site).length, hashes.length, bytes, `${verified} of ${hashes.length}`, audit]);
  }
  console.log(`\n${table.toString()}`);
  return isWhole;
}

/** Until the receipts of the last tars are written, it finds tars without one. */
async function auditOf(site: Site): Promise<string> {
  let said = '';
  const isClean = async (): Promise<boolean> => {
    const { code, stdout } = await site.wavspool('audit', '--receipts', '--json');
    said = stdout;
    return code === 0;
  };
  return until('the audit is clean', isClean, STORED_WITHIN_MS).then(
    () => 'clean',
    () => said,
  );
}

async function consoleOf({ http, data }: Site): Promise<string> {
  const token = (await readFile(join(data, 'dashboard.token'), 'utf8')).trim();
  return `${http}/?token=${token}`;
}

function say(line: string): void {
  const elapsed = Math.round((performance.now() - startedAt) / 1000);
  console.log(`  ${String(elapsed).padStart(4)} s  ${line}`);
}
