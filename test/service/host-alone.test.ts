import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { HELP } from '../../src/cli/help.ts';
import { until } from '../support/ports.ts';
import { runCommand, type Ended } from '../support/run-command.ts';

// A host that keeps databases, mirrors and logs, and has neither Redis nor S3 nor a landing directory: it runs its jobs, and every
// command there is does its work or says that there is none, without a word of what the host has not.

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
let host: string;

beforeAll(async () => {
  host = await mkdtemp(join(tmpdir(), 'wavspool-alone-'));
  await mkdir(join(host, 'sounds'));
  await writeFile(join(host, 'sounds/a.mp3'), 'a sound\n');
  await writeFile(join(host, 'shop.log'), 'a line\n');
  const shop = new Database(join(host, 'shop.db'));
  shop.exec("CREATE TABLE comments (text); INSERT INTO comments VALUES ('good')");
  shop.close();
  const daily = { name: 'daily', cron: '0 2 * * *', dir: './daily', file: 'shop-{YYYY-MM-DD-HH-mm-ss}.db' };
  const added = { name: 'added', on: 'added', dir: './added', file: 'shop-{label}-{YYYY-MM-DD}.db' };
  const comments = { name: 'comments', cron: '0 3 * * 0', tables: ['comments'], dir: './sql' };
  const settings = {
    paths: { data: './data' },
    databases: [
      {
        name: 'shop',
        path: './shop.db',
        snapshots: [daily, added],
        exports: [{ ...comments, file: 'comments-{YYYY-MM-DD}.sql' }],
      },
    ],
    mirrors: [{ name: 'sounds', source: './sounds', dir: './mirror', cron: '0 3 * * *', keep: { days: 3 } }],
    logs: [{ path: './shop.log', cron: '0 1 * * *', rotate: 7, compress: true }],
  };
  await writeFile(join(host, 'wavspool.yaml'), JSON.stringify(settings));
});
afterAll(() => rm(host, { recursive: true }));

const env = { PATH: process.env['PATH'], HOME: '/nonexistent' };
const wavspool = (line: string): Promise<Ended> => runCommand(line.split(' '), { cwd: host, env });

/** Each command as somebody may type it there: the exit code, and what it says. */
const ASKED: Readonly<Record<string, readonly (readonly [line: string, code: number, says?: RegExp])[]>> = {
  config: [
    ['config check', 0, /no fault/],
    ['config show', 0],
  ],
  doctor: [['doctor', 0]],
  snapshot: [
    ['snapshot shop', 0, /daily\/shop-.*\.db/],
    ['snapshot shop --event added --label one', 0, /added\/shop-one-.*\.db/],
    ['snapshot shop --event added', 2, /needs a label/],
  ],
  snapshots: [
    ['snapshots list', 0, /shop +daily/],
    ['snapshots verify', 0, /^ok /m],
    ['snapshots prune --dry-run', 0, /^keep /m],
    ['snapshots adopt shop', 0],
  ],
  restore: [['restore shop --verify-only', 0, /^ok /m]],
  export: [['export shop comments', 0, /sql\/comments-.*\.sql/]],
  mirror: [['mirror sounds', 0, /mirror\/\d{4}-/]],
  rotate: [['rotate', 0, /shop\.log\.1\.gz/]],
  status: [['status', 1, /no role is running/]],
  failed: [
    ['failed', 0, /nothing has failed/],
    ['failed --by-cause', 0],
  ],
  landing: [['landing', 0, /nothing lands here/]],
  audit: [['audit', 0, /nothing to audit/]],
  trace: [['trace a.tar', 1, /nothing is known of a\.tar: .* takes no recordings/]],
  pause: [['pause --reason tried', 0, /maintenance: paused/]],
  resume: [['resume', 0, /maintenance: taking work/]],
  drain: [
    ['drain', 0],
    ['resume', 0],
  ],
  requeue: [['requeue --all', 2, /takes no recordings/]],
  rescan: [['rescan', 2, /takes no recordings/]],
  ingest: [['ingest a.tar', 2, /takes no recordings/]],
  fetch: [['fetch --since 1d --to out', 2, /takes no recordings/]],
  alerts: [['alerts test', 2, /name no receiver/]],
  state: [['state migrate', 2, /no PostgreSQL/]],
  init: [['init', 2, /is there/]],
  completion: [['completion bash', 0]],
  version: [['version', 0]],
};
/** They go on until they are ended: processes of their own. */
const STARTED_BELOW = ['up', 'work'];

test('every command there is does its work, or says that this host has none for it', async () => {
  const commands = Object.keys(HELP).map((name) => name.split(' ')[0]!);
  expect(Object.keys(ASKED).toSorted()).toEqual(
    [...new Set(commands)].filter((name) => !STARTED_BELOW.includes(name)).toSorted(),
  );
  for (const [line, code, says] of Object.values(ASKED).flat()) {
    const ended = await wavspool(line);
    const said = ended.stdout + ended.stderr;
    expect({ line, code: ended.code, said }).toMatchObject({ line, code });
    if (says !== undefined) expect(said, line).toMatch(says);
    if (line !== 'config show' && line !== 'completion bash')
      expect(said, line).not.toMatch(/redis|bucket|credential|unexpected|ECONN/i);
  }
  expect(await readdir(join(host, 'data'))).not.toContain('redis');
});

test('a role that has no work there says so', async () => {
  const work = spawn(process.execPath, [BIN, 'work', 'upload'], { cwd: host, env });
  let said = '';
  work.stderr.on('data', (chunk: Buffer) => void (said += chunk));
  const [code] = (await once(work, 'close')) as [number];
  expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining('no work for upload') });
});

test('"up" runs there what is due, in one process and without a word of error', async () => {
  const data = join(host, 'up');
  const settings = {
    paths: { data },
    databases: [
      {
        name: 'shop',
        path: './shop.db',
        pointInTime: { mode: 'pages', every: '1m', keep: '7d', dir: './points' },
      },
    ],
    http: { port: 0 },
  };
  await writeFile(join(host, 'up.yaml'), JSON.stringify(settings));
  const up = spawn(process.execPath, [BIN, '--config', 'up.yaml', 'up'], { cwd: host, env });
  onTestFinished(() => void up.kill('SIGKILL'));
  let said = '';
  for (const stream of [up.stdout, up.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk));
  await until('its first job is done', () => said.includes('job done job=point-in-time shop by=schedule'));
  up.kill('SIGTERM');
  const [code] = (await once(up, 'exit')) as [number];
  expect({ code, said }).toMatchObject({ code: 0 });
  expect(await readdir(join(host, 'points/shop'))).toContainEqual(
    expect.stringMatching(/^base-.*\.db\.zst$/),
  );
  expect(said).not.toMatch(/ error |unexpected|ECONN/);
});
