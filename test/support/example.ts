import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { loadSettings, type Settings } from '../../src/platform/config/index.ts';
import {
  type Maintenance,
  openMaintenance,
  pruneBackups,
  verifyBackups,
} from '../../src/maintenance/catalogue/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import { startTestDashboard } from './dashboard.ts';
import type { TestS3 } from './s3.ts';
import { controlledClock, type ControlledClock } from './time-machine.ts';

// Each settings file in infra/examples lives through weeks of its schedule under a controlled clock: real databases, real
// rsync, a real S3 server, real HTTP.

const EXAMPLES = join(import.meta.dirname, '../../infra/examples');
const never = new AbortController().signal;

/** A settings file of infra/examples on a host of its own. */
export interface Lifetime extends AsyncDisposable {
  readonly root: string;
  readonly settings: Settings;
  readonly clock: ControlledClock;
  readonly host: Maintenance;
  /** The names in a directory below the root. */
  names(directory: string): Promise<readonly string[]>;
  /** `GET` of the dashboard, as an operator's monitoring asks it. */
  http(path: string, body?: object): Promise<unknown>;
}

function report(event: string, fields: object): void {
  if (/failed|damaged/.test(event)) throw new Error(`${event} ${JSON.stringify(fields)}`);
}

function random(): number {
  return 0.5;
}

/** Starts on an empty host at `at`, an ISO 8601 time, with that bucket. */
export async function begin(example: string, at: string, s3: TestS3): Promise<Lifetime> {
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
  const ledger = await openSqliteLedger({ file: settings.paths.state, maxRetries: 5, clock, random, report });
  const host = await openMaintenance({ settings, clock, random, report });
  const http: Lifetime['http'] = async (path, body) => {
    for (const directory of ['incoming', 'extracted'] as const)
      await mkdir(settings.paths[directory], { recursive: true });
    await using dashboard = await startTestDashboard(settings, ledger, host);
    return await dashboard.json(body === undefined ? dashboard.get(path) : dashboard.post(path, body));
  };
  return {
    root,
    settings,
    clock,
    host,
    names: async (directory) =>
      (await readdir(join(root, directory))).filter((name) => name !== '.wavspool').toSorted(),
    http,
    [Symbol.asyncDispose]: async () => {
      await ledger.close();
      host.close();
      await rm(root, { recursive: true });
    },
  };
}

/** Makes a database with a table of that name, one row per `note`. */
export async function database(path: string, table: string): Promise<{ note(text: string): void }> {
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

/** The notes in a database that is whole. */
export function notesIn(path: string, table: string): readonly string[] {
  const db = new Database(path, { readonly: true });
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    return db.prepare(`SELECT note FROM ${table} ORDER BY rowid`).pluck().all() as string[];
  } finally {
    db.close();
  }
}

/** Unpacks a .gz below the root; returns the path of its content. */
export async function unpacked(life: Lifetime, path: string): Promise<string> {
  const target = join(life.root, 'unpacked.db');
  await writeFile(target, gunzipSync(await readFile(path)));
  return target;
}

/** The date in a time zone at `at`, ms since 1970. */
export function dayOf(at: number, timezone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timezone).toPlainDate().toString();
}

/** The dates from `first` to `last`, both included. */
export function dates(first: string, last: string): readonly string[] {
  const found: string[] = [];
  for (let day = Temporal.PlainDate.from(first); day.toString() <= last; day = day.add({ days: 1 }))
    found.push(day.toString());
  return found;
}

/** Every copy is what it was, and pruning again finds nothing. */
export async function expectAllGood(life: Lifetime): Promise<void> {
  const verdicts = await Array.fromAsync(verifyBackups(life.host, undefined, never));
  expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
  // what a run leaves is what its rules keep: pruning again finds nothing
  const judged = await pruneBackups(life.host, undefined, { dryRun: true }, never);
  expect(judged.filter(({ keep }) => !keep)).toEqual([]);
}
