import { once } from 'node:events';
import { spawn } from 'node:child_process';
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings, type Settings } from '../../src/config/index.ts';
import {
  type Host,
  hostJobs,
  openHost,
  pruneBackups,
  takeSnapshots,
  verifyBackups,
} from '../../src/host/index.ts';
import { openStateStore } from '../../src/state/index.ts';
import { startTestDashboard } from '../support/dashboard.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { controlledClock, live, type ControlledClock } from '../support/time-machine.ts';

// Each settings file in infra/examples lives through weeks of its schedule under a controlled clock: real databases, real
// rsync, a real S3 server, real HTTP.

const EXAMPLES = join(import.meta.dirname, '../../infra/examples');
const DAY = 86_400_000;
const never = new AbortController().signal;
let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

interface Lifetime extends AsyncDisposable {
  readonly root: string;
  readonly settings: Settings;
  readonly clock: ControlledClock;
  readonly host: Host;
  /** The names in a directory below the root. */
  names(directory: string): Promise<readonly string[]>;
  /** `GET` of the dashboard, as an operator's monitoring asks it. */
  http(path: string, body?: object): Promise<unknown>;
}

function report(event: string, fields: object): void {
  if (/failed|damaged/.test(event)) throw new Error(`${event} ${JSON.stringify(fields)}`);
}

function dice(): number {
  return 0.5;
}

async function begin(example: string, at: string): Promise<Lifetime> {
  const root = await mkdtemp(join(tmpdir(), 'wavspool-example-'));
  const configFile = join(root, 'wavspool.yaml');
  await cp(join(EXAMPLES, example), configFile);
  const { settings } = loadSettings({
    configFile,
    env: {
      ROOT: root,
      S3_BUCKET: s3.bucket,
      S3_ENDPOINT: s3.endpoint,
      S3_ACCESS_KEY_ID: s3.accessKeyId,
      S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    },
  });
  const clock = controlledClock(Date.parse(at));
  await mkdir(dirname(settings.paths.state), { recursive: true });
  const state = openStateStore({ file: settings.paths.state, maxRetries: 5, clock, dice, report });
  const host = await openHost({ settings, clock, dice, report });
  const http: Lifetime['http'] = async (path, body) => {
    for (const directory of ['incoming', 'extracted'] as const)
      await mkdir(settings.paths[directory], { recursive: true });
    await using dashboard = await startTestDashboard(settings, state, host);
    return await dashboard.json(body === undefined ? dashboard.get(path) : dashboard.post(path, body));
  };
  return {
    root,
    settings,
    clock,
    host,
    names: async (directory) => (await readdir(join(root, directory))).toSorted(),
    http,
    [Symbol.asyncDispose]: async () => {
      state.close();
      host.close();
      await rm(root, { recursive: true });
    },
  };
}

/** Makes a database with a table of that name, one row per `note`. */
async function database(path: string, table: string): Promise<{ note(text: string): void }> {
  await mkdir(dirname(path), { recursive: true });
  const sql = async (text: string): Promise<void> => {
    const child = spawn('sqlite3', [path], { stdio: ['pipe', 'ignore', 'inherit'] });
    child.stdin.end(text);
    await once(child, 'close');
  };
  await sql(
    `PRAGMA journal_mode = WAL; CREATE TABLE ${table} (note TEXT); INSERT INTO ${table} VALUES ('first');`,
  );
  return {
    note: (text) => {
      const db = new Database(path);
      db.prepare(`INSERT INTO ${table} VALUES (?)`).run(text);
      db.close();
    },
  };
}

function notesIn(path: string, table: string): readonly string[] {
  const db = new Database(path, { readonly: true });
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    return db.prepare(`SELECT note FROM ${table} ORDER BY rowid`).pluck().all() as string[];
  } finally {
    db.close();
  }
}

async function unpacked(life: Lifetime, path: string): Promise<string> {
  const target = join(life.root, 'unpacked.db');
  await writeFile(target, gunzipSync(await readFile(path)));
  return target;
}

function dayOf(at: number, timezone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timezone).toPlainDate().toString();
}

/** The dates from `first` to `last`, both included. */
function dates(first: string, last: string): readonly string[] {
  const found: string[] = [];
  for (let day = Temporal.PlainDate.from(first); day.toString() <= last; day = day.add({ days: 1 }))
    found.push(day.toString());
  return found;
}

async function expectAllGood(life: Lifetime): Promise<void> {
  const verdicts = await Array.fromAsync(verifyBackups(life.host, undefined, never));
  expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
  // what a run leaves is what its rules keep: pruning again finds nothing
  const judged = await pruneBackups(life.host, undefined, { dryRun: true }, never);
  expect(judged.filter(({ keep }) => !keep)).toEqual([]);
}

test('sftp-recordings.yaml: state.db.backup_YYYYMMDD for 30 days, a log for 7, over the end of summer time', async () => {
  await using life = await begin('sftp-recordings.yaml', '2026-10-01T12:00:00+02:00');
  const { settings, host, clock } = life;
  const { state: path } = settings.paths;
  const log = join(dirname(path), 'files_logs.log');
  let tars = 0;
  const ran = await live(host, clock, hostJobs(host), Date.parse('2026-11-10T12:00:00+01:00'), async (at) => {
    tars += 1;
    const db = new Database(path);
    db.prepare('INSERT INTO extracted_tars (path) VALUES (?)').run(`tar-${tars}`);
    db.close();
    await appendFile(log, `${new Date(at).toISOString()} a tar came\n`);
  });
  const snapshots = ran.filter(({ job }) => job === 'snapshot state daily');
  expect(snapshots).toHaveLength(40);
  expect(snapshots.map(({ at }) => at.slice(5, 16))).toEqual(
    expect.arrayContaining(['10-24T00:00', '10-25T00:00', '10-26T01:00']), // 02:00 of Berlin, once on the long night
  );

  const names = await life.names('home/sftpbackup/logs');
  const kept = names.filter((name) => name.startsWith('state.db.backup_') && !name.endsWith('.sha256'));
  expect(kept).toEqual(
    dates('2026-10-12', '2026-11-10').map((day) => `state.db.backup_${day.replaceAll('-', '')}`),
  );
  for (const [name, least] of [
    [kept[0]!, 10],
    [kept.at(-1)!, 39],
  ] as const) {
    const copy = join(dirname(path), name);
    expect((await stat(copy)).mode & 0o777).toBe(0o600);
    const db = new Database(copy, { readonly: true });
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.prepare('SELECT count(*) FROM extracted_tars').pluck().get()).toBeGreaterThanOrEqual(least);
    db.close();
  }
  expect(names.filter((name) => name.startsWith('files_logs.log'))).toEqual([
    'files_logs.log',
    ...Array.from({ length: 7 }, (_, i) => `files_logs.log.${i + 1}.gz`),
  ]);
  await expectAllGood(life);
});

test('portfolio.yaml: nightly for 30 days, tables for 12 weeks, galleries for 90 days, logs by date, points in time', async () => {
  await using life = await begin('portfolio.yaml', '2026-01-01T12:00:00+01:00');
  const { host, clock, root } = life;
  const site = await database(join(root, 'srv/portfolio/data/portfolio.db'), 'galleries');
  await database(join(root, 'srv/portfolio/data/portfolio.db'), 'comments');
  await database(join(root, 'srv/portfolio/data/portfolio.db'), 'likes');
  const log = join(root, 'srv/portfolio/logs/backend.log');
  await mkdir(dirname(log), { recursive: true });
  const all = hostJobs(host);
  const seldom = all.filter(({ id }) => !/^point-in-time|^snapshot state/.test(id));
  const end = Date.parse('2026-05-01T12:00:00+02:00');
  for (let month = 1; month <= 4; month++) {
    const until = Date.parse(`2026-0${month}-15T12:00:00+01:00`);
    await live(host, clock, seldom, until, (at) => appendFile(log, `${new Date(at).toISOString()}\n`));
    site.note(`gallery ${month}`);
    const made = await takeSnapshots(
      host,
      { event: 'gallery-added', label: `Nr. ${month}: Wien` },
      'event',
      never,
    );
    expect(made[0]?.name).toMatch(
      new RegExp(`^portfolio-2026-0${month}-15-12-00-00-Nr\\.-${month}-Wien\\.db\\.gz$|^portfolio-2026-04`),
    );
  }
  await live(host, clock, seldom, end, (at) => appendFile(log, `${new Date(at).toISOString()}\n`));

  const daily = (await life.names('var/backups/portfolio/daily')).filter((name) => name.endsWith('.gz'));
  expect(daily).toEqual(dates('2026-04-02', '2026-05-01').map((day) => `portfolio-${day}.db.gz`));
  expect(await readlink(join(root, 'var/backups/portfolio/daily/latest'))).toBe('portfolio-2026-05-01.db.gz');
  const newest = join(root, 'var/backups/portfolio/daily', daily.at(-1)!);
  expect(notesIn(await unpacked(life, newest), 'galleries')).toEqual([
    'first',
    ...[1, 2, 3, 4].map((n) => `gallery ${n}`),
  ]);
  const oldest = join(root, 'var/backups/portfolio/daily', daily[0]!);
  expect(notesIn(await unpacked(life, oldest), 'galleries')).toHaveLength(4);

  const galleries = (await life.names('var/backups/portfolio/galleries')).filter((name) =>
    name.endsWith('.gz'),
  );
  expect(galleries.map((name) => name.slice('portfolio-'.length, 'portfolio-2026-01'.length))).toEqual([
    '2026-02', // the one of January lies 90 days before the newest of them
    '2026-03',
    '2026-04',
  ]);
  const social = await life.names('var/backups/portfolio/social');
  expect(social).toEqual(
    dates('2026-02-08', '2026-04-26')
      .filter((day) => Temporal.PlainDate.from(day).dayOfWeek === 7)
      .map((day) => `social-tables-${day}.sql.gz`),
  );
  const sql = gunzipSync(
    await readFile(join(root, 'var/backups/portfolio/social', social.at(-1)!)),
  ).toString();
  expect(sql).toContain('INSERT INTO "comments"');
  expect(sql).not.toContain('galleries');

  const archives = await life.names('srv/portfolio/logs');
  expect(archives).toEqual(
    ['backend.log', ...dates('2026-04-25', '2026-05-01').map((day) => `backend-${day}.log.gz`)].toSorted(),
  );

  // an afternoon with the points in time
  await live(host, clock, all, clock.now() + 3 * 3_600_000, (at) => site.note(`at ${at}`));
  const status = (await life.http('/api/status')) as {
    snapshots: Record<string, { at: string }>;
    pointInTime: Record<string, { points: number; lagSeconds: number }>;
  };
  expect(status.snapshots['portfolio']?.at).toBe('2026-05-01T00:00:00.000Z');
  expect(status.pointInTime['portfolio']?.points).toBeGreaterThanOrEqual(11);
  expect(status.pointInTime['portfolio']?.lagSeconds).toBeLessThanOrEqual(15 * 60);
  const event = await life.http('/api/events', { event: 'gallery-added', label: 'from the hook' });
  expect(event).toMatchObject({
    snapshots: [{ database: 'portfolio', label: 'from the hook', verified: true }],
  });
  await expectAllGood(life);
}, 240_000);

test('soundbox.yaml: hardlinked dated trees for 14 days and the Sundays of 60 more, with the database of that night', async () => {
  await using life = await begin('soundbox.yaml', '2026-06-01T12:00:00+02:00');
  const { host, clock, root } = life;
  const box = await database(join(root, 'srv/soundbox/soundbox.db'), 'sounds');
  const source = join(root, 'srv/soundbox/generated');
  await mkdir(source, { recursive: true });
  await writeFile(join(source, 'always.mp3'), 'the same every night');
  const jobs = hostJobs(host).filter(({ id }) => !/^drill|^snapshot state/.test(id));
  const end = Date.parse('2026-09-06T12:00:00+02:00'); // a Sunday
  await live(host, clock, jobs, end, async (at) => {
    const day = dayOf(at, 'Europe/Berlin');
    await writeFile(join(source, `${day}.mp3`), `made on ${day}`);
    box.note(day);
  });
  const trees = (await life.names('var/backups/soundbox')).filter((name) => name !== 'latest');
  const lastTwoWeeks = dates('2026-08-24', '2026-09-06');
  const sundays = dates('2026-07-06', '2026-09-06').filter(
    (day) => Temporal.PlainDate.from(day).dayOfWeek === 7,
  );
  expect(trees).toEqual([...new Set([...sundays, ...lastTwoWeeks])].toSorted());
  expect(await readlink(join(root, 'var/backups/soundbox/latest'))).toBe('2026-09-06');
  const tree = (day: string, name: string): string => join(root, 'var/backups/soundbox', day, name);
  const [first, last] = [trees[0]!, trees.at(-1)!];
  expect((await stat(tree(first, 'always.mp3'))).ino).toBe((await stat(tree(last, 'always.mp3'))).ino);
  expect(await readFile(tree(first, `${first}.mp3`), 'utf8')).toBe(`made on ${first}`);
  await expect(stat(tree(first, `${last}.mp3`))).rejects.toThrow('ENOENT');
  expect(notesIn(tree(first, 'soundbox.db'), 'sounds').at(-1)).toBe(first);
  expect(notesIn(tree(last, 'soundbox.db'), 'sounds').at(-1)).toBe(last);

  const keys = (await s3.keys()).filter((key) => key.startsWith('soundbox/'));
  expect(keys).toEqual(trees.map((day) => `soundbox/soundbox_${day}.db.zst`));
  const run = await life.http('/api/backups/run', { mirror: 'audio' });
  expect(run).toMatchObject({ mirror: 'audio', path: expect.stringMatching(/2026-09-06_\d{6}$/) });
  const listed = (await life.http('/api/backups')) as {
    snapshots: { kind: string; bytes: number; apparentBytes: number }[];
  };
  const mirrors = listed.snapshots.filter(({ kind }) => kind === 'mirror');
  expect(mirrors).toHaveLength(trees.length); // of a day the newest counts: it took the place of the one at 03:00
  expect(mirrors[0]).toMatchObject({ path: (run as { path: string }).path });
  await expectAllGood(life);
}, 240_000);

test('bot.yaml: the five newest before a deployment, 0640 in a 0750 directory', async () => {
  await using life = await begin('bot.yaml', '2026-03-01T12:00:00Z');
  const { host, clock, root } = life;
  const bot = await database(join(root, 'opt/bot/bot.db'), 'replies');
  for (let deployment = 1; deployment <= 8; deployment++) {
    clock.set(clock.now() + DAY);
    bot.note(`version ${deployment}`);
    await takeSnapshots(host, { database: 'bot', event: 'deploy', label: `v${deployment}` }, 'event', never);
  }
  const directory = join(root, 'opt/bot/backups');
  const names = (await life.names('opt/bot/backups')).filter((name) => name.endsWith('.db'));
  expect(names).toEqual([4, 5, 6, 7, 8].map((n) => `bot_2026-03-0${n + 1}-12-00-00_v${n}.db`));
  expect((await stat(directory)).mode & 0o777).toBe(0o750);
  expect((await stat(join(directory, names[0]!))).mode & 0o777).toBe(0o640);
  expect(notesIn(join(directory, names[0]!), 'replies')).toEqual([
    'first',
    'version 1',
    'version 2',
    'version 3',
    'version 4',
  ]);
  await expectAllGood(life);
});

test('spaces.yaml: two databases every night as backups/<name>_YYYY-MM-DD.db', async () => {
  await using life = await begin('spaces.yaml', '2026-02-01T12:00:00Z');
  const { host, clock, root } = life;
  const users = await database(join(root, 'srv/app/users.db'), 'users');
  const orders = await database(join(root, 'srv/app/orders.db'), 'orders');
  const jobs = hostJobs(host).filter(({ id }) => !/^drill|^snapshot state/.test(id));
  await live(host, clock, jobs, Date.parse('2026-05-12T12:00:00Z'), (at) => {
    users.note(dayOf(at, 'UTC'));
    orders.note(dayOf(at, 'UTC'));
  });
  const days = dates('2026-02-12', '2026-05-12'); // 90 of them
  const keys = (await s3.keys()).filter((key) => key.startsWith('backups/'));
  expect(keys).toEqual(['orders', 'users'].flatMap((name) => days.map((day) => `backups/${name}_${day}.db`)));
  const copy = join(root, 'copy.db');
  await writeFile(copy, await s3.bytes('backups/users_2026-03-29.db'));
  expect(notesIn(copy, 'users').at(-1)).toBe('2026-03-29');
  expect((await life.names('var/backups/app')).filter((name) => name.endsWith('.db'))).toEqual(
    ['orders', 'users'].flatMap((name) => days.slice(-3).map((day) => `${name}_${day}.db`)),
  );
  await expectAllGood(life);
}, 240_000);
