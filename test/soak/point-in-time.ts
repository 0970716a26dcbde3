import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  capture,
  listPoints,
  restorePoint,
  captureWal,
  verifyPoints,
} from '../../src/maintenance/point-in-time/index.ts';
import { auditLedger, makeLedger } from '../support/ledger.ts';
import { NEVER, pointsRig, shipperPid, startWriter, type PointsRig, type Writer } from '../support/points.ts';

// The yardsticks of point-in-time recovery, with their figures:
//
//   npm run soak:points -- wal   [--seconds 600] [--rate 200]
//   npm run soak:points -- pages [--megabytes 1024] [--rounds 5] [--journal wal]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '200' },
    megabytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
    journal: { type: 'string', default: 'wal' },
  },
});

const [mode] = positionals;
if (mode === 'wal') await soakWal(Number(values.seconds), Number(values.rate));
else if (mode === 'pages')
  await soakPages(Number(values.megabytes), Number(values.rounds), values.journal as 'wal');
else throw new Error('say which: wal or pages');

/** Commits for so long, with random kills of the writers and of the capture; then 60 random points are restored. */
async function soakWal(seconds: number, rate: number): Promise<void> {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const alone = startWriter(rig.path, rate);
  await delay(10_000);
  await alone.stop();

  const stopping = new AbortController();
  const shipping = captureWal(rig.deps, rig.database, stopping.signal);
  const until = performance.now() + seconds * 1000;
  const writers: Writer[] = [];
  let kills = 0;
  let peakWal = 0;
  while (performance.now() < until) {
    const [one, other] = [startWriter(rig.path, rate / 2), startWriter(rig.path, rate / 2)];
    writers.push(one, other);
    const turnEnds = performance.now() + 5000 + Math.random() * 20_000;
    while (performance.now() < Math.min(turnEnds, until)) {
      await delay(100);
      peakWal = Math.max(peakWal, statSync(`${rig.path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
    }
    const pid = shipperPid();
    if (Math.random() < 0.5 && pid !== 0) {
      process.kill(pid, 'SIGKILL');
      kills += 1;
    }
    await Promise.all([one.kill(), other.kill()]);
  }
  await delay(3000);
  const live = auditLedger(rig.path);
  stopping.abort();
  await shipping;

  const seen = writers.flatMap((writer) => [...writer.seen]).toSorted((a, b) => a.at - b.at);
  const faults = await restoreRandom(rig, seen, live.moves);
  const verified = await verifyPoints(rig.deps, rig.database, NEVER);
  const count = (name: string): number => rig.events.filter(({ event }) => event === name).length;
  const locks = rig.events.flatMap(({ fields }) =>
    'longestLockMs' in fields ? [Number(fields.longestLockMs)] : [],
  );
  const points = await listPoints(rig.database);
  console.log(
    JSON.stringify(
      {
        commits: live.moves,
        liveFaults: live.faults,
        points: points.points,
        archiveBytes: points.bytes,
        chains: points.chains.length,
        killedWriters: writers.length,
        killedShippers: kills,
        shipperDeaths: count('wal capture died'),
        gaps: count('timeline interrupted'),
        gapReasons: reasonsOf(rig),
        longestLockMs: round(Math.max(0, ...locks)),
        longestWriteAloneMs: round(alone.seen.at(-1)?.longestMs ?? 0),
        longestWriteMs: round(Math.max(...writers.map((writer) => writer.seen.at(-1)?.longestMs ?? 0))),
        writesOver50Ms: writers.flatMap((writer) => writer.seen.filter(({ ms }) => ms > 50)).length,
        peakWalMB: round(peakWal / 1e6),
        sound: verified.sound,
        faults,
      },
      undefined,
      1,
    ),
  );
  if (faults.length > 0 || !verified.sound || live.faults.length > 0) process.exitCode = 1;
}

/** Restores 60 random points; what is wrong with them. */
async function restoreRandom(rig: PointsRig, seen: Writer['seen'], moves: number): Promise<string[]> {
  const { from = 0, to = 0 } = await listPoints(rig.database);
  const times = Array.from({ length: 59 }, () => Math.round(from + Math.random() * (to - from)));
  const faults: string[] = [];
  let last = 0;
  for (const at of [...times, to].toSorted((a, b) => a - b)) {
    const target = rig.newPath();
    await restorePoint(rig.deps, rig.database, at, target, NEVER);
    const audit = auditLedger(target);
    faults.push(...audit.faults.map((fault) => `${at}: ${fault}`));
    if (audit.moves < last) faults.push(`${at}: ${audit.moves} moves after ${last}`);
    const later = seen.find((one) => one.at > at);
    if (later !== undefined && audit.moves > later.counter) faults.push(`${at}: newer than it says`);
    last = audit.moves;
  }
  if (last !== moves) faults.push(`the last point holds ${last} of ${moves} moves`);
  return faults;
}

/** One percent of the pages of a large database changes between two captures, while a writer goes on. */
async function soakPages(megabytes: number, rounds: number, journalMode: 'wal' | 'delete'): Promise<void> {
  await using rig = await pointsRig();
  const rows = Math.round((megabytes * 1e6) / 1350); // three rows to a page of 4 KiB
  const db = makeLedger(rig.path, { journalMode, fillRows: rows });
  if (journalMode === 'wal') db.pragma('wal_checkpoint(TRUNCATE)');
  const pages = Number(db.pragma('page_count', { simple: true }));
  const writer = startWriter(rig.path, 20);
  const results: object[] = [];
  for (let turn = 0; turn <= rounds; turn += 1) {
    if (turn > 0) {
      const first = Math.floor(Math.random() * 100);
      db.prepare('UPDATE fill SET content = randomblob(1000) WHERE id % 300 = ?').run(first * 3);
    }
    await delay(1500);
    const startedAt = Date.now();
    const result = await capture(rig.deps, rig.database, NEVER);
    await delay(200);
    const during = writer.seen.filter(({ at }) => at >= startedAt);
    results.push({
      fullBackup: result.fullBackup,
      pages: result.pages,
      percent: round((100 * result.pages) / result.pageCount),
      storedMB: round(result.storedBytes / 1e6),
      pinnedMs: Math.round(result.pinnedMs),
      ms: Math.round(result.ms),
      longestWriteMs: round(Math.max(0, ...during.map(({ ms }) => ms))),
    });
  }
  await writer.stop();
  const { to = 0 } = await listPoints(rig.database);
  const startedAt = performance.now();
  const target = rig.newPath();
  await restorePoint(rig.deps, rig.database, to, target, NEVER);
  const restoreMs = Math.round(performance.now() - startedAt);
  const { faults } = auditLedger(target);
  console.log(JSON.stringify({ journalMode, pages, results, restoreMs, faults }, undefined, 1));
  db.close();
  if (faults.length > 0) process.exitCode = 1;
}

/** Why the timeline was interrupted, and how often. */
function reasonsOf(rig: PointsRig): Readonly<Record<string, number>> {
  const reasons: Record<string, number> = {};
  for (const { event, fields } of rig.events) {
    if (event !== 'timeline interrupted' || !('reason' in fields)) continue;
    const reason = String(fields.reason).replaceAll(/\d+/g, 'N');
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return reasons;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
