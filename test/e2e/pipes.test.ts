import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What a program reads of a command through a pipe, which holds 64 KiB: all of it, however slowly it reads.

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-pipes-'));
  await writeFile(
    join(directory, 'wavspool.yaml'),
    'paths: { data: . }\ns3: { bucket: recordings, endpoint: "http://127.0.0.1:9" }\n',
  );
  const db = new Database(join(directory, 'state.db'));
  db.exec(`CREATE TABLE extracted_tars(path TEXT PRIMARY KEY, timestamp TEXT);
    CREATE TABLE uploads(wav_path TEXT PRIMARY KEY, status TEXT, timestamp TEXT, error_message TEXT, retry_count INTEGER DEFAULT 0)`);
  const insert = db.prepare("INSERT INTO uploads VALUES (?, 'FAILED', '2026-11-30 10:00:00', ?, 5)");
  for (let row = 0; row < 100; row += 1) insert.run(`/recordings/${row}.wav`, 'refused '.repeat(500));
  db.close();
});
afterAll(() => rm(directory, { recursive: true }));

test('a document that is larger than a pipe arrives whole', async () => {
  const child = spawn(process.execPath, [BIN, 'failed', '--json'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit');
  // the pipe is full while nothing is read of it, and the command has nothing left to do but to write
  await Promise.race([ended, pause(3000)]);
  const { rows } = JSON.parse(await text(child.stdout)) as { rows: unknown[] };
  expect(rows).toHaveLength(100);
  expect(await ended).toEqual([1, null]);
});

test('who reads no further is no fault', async () => {
  const child = spawn('sh', ['-c', `"$0" "$1" failed --json | head -c 10`, process.execPath, BIN], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect([await text(child.stdout), await text(child.stderr)]).toEqual([
    '{\n  "rows"',
    expect.not.stringContaining('EPIPE'),
  ]);
});
