import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rename, rm, stat, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHoldingProxy, type HoldingProxy } from '../support/holding-proxy.ts';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// `extract.copy: false`, and wavspool dies when a recording's offset is read and its PUT is on the way. What lies in the landing
// directory is another thing then, and what was sent arrives late or never.

const EACH = 2;
const BYTES = 40_000;
/** Another file system than that of the landing directory, as far as the machine has one. */
const OTHER_DISK = '/dev/shm';
let toStore: HoldingProxy;
let rig: Rig;
let otherDisk: string;
const bodies = new Map<string, Buffer>();

beforeAll(async () => {
  const store = new URL(process.env['WAVSPOOL_TEST_S3'] ?? '');
  toStore = await startHoldingProxy({ host: store.hostname, port: Number(store.port) });
  otherDisk = await mkdtemp(join(OTHER_DISK, 'wavspool-other-disk-'));
  const changes = {
    extract: { copy: false },
    s3: { endpoint: `http://127.0.0.1:${toStore.port}` },
    upload: { maxRetries: 1, concurrency: 20 },
  };
  rig = await startRig(undefined, changes, { together: true });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await toStore[Symbol.asyncDispose]();
  await rm(otherDisk, { recursive: true });
});

const tarAt = (name: string): string => join(rig.incoming, `${name}.tar`);

/** A tar of other recordings each time it is asked. */
function fresh(name: string): Buffer {
  const members = Array.from({ length: EACH }, (_, at) => ({
    name: `${name}-${at}.wav`,
    body: randomBytes(BYTES),
  }));
  for (const { name: key, body } of members) if (!bodies.has(key)) bodies.set(key, body);
  return makeTar(members);
}

/** Lands a tar of each name; resolves when all of their recordings are read and none has arrived. */
async function sendAndHold(names: readonly string[]): Promise<void> {
  const before = new Set(Object.keys(await rig.objects()));
  toStore.hold(new RegExp(`PUT /${rig.s3.bucket}/[^.]`)); // a receipt of what came before goes on
  for (const name of names) await rig.land(`${name}.tar`, fresh(name));
  const recordings = names.length * EACH;
  await until(
    'every PUT is on the way',
    () => toStore.held() === recordings && toStore.heldBytes() > recordings * BYTES,
  );
  expect(new Set(Object.keys(await rig.objects()))).toEqual(before);
}

interface Row {
  readonly wav_path: string;
  readonly key: string | null;
  readonly status: string;
  readonly cause: string | null;
  readonly sha256: string;
  readonly retry_count: number;
}

async function rowsOf(name: string): Promise<readonly Row[]> {
  const sql = `SELECT wav_path, key, status, cause, sha256, retry_count FROM uploads WHERE wav_path LIKE '%/${name}-%' ORDER BY wav_path`;
  return (await rig.rows(sql)) as unknown as Row[];
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const untilEnded = (recordings: number): Promise<void> =>
  until(
    'each is stored or given up',
    async () => {
      const ended = "status = 'SUCCESS' OR (status = 'FAILED' AND retry_count = 1)";
      const [found] = await rig.rows(`SELECT count(*) AS n FROM uploads WHERE ${ended}`);
      return found?.['n'] === recordings;
    },
    60_000,
  );

test('P1, P4: what was not stored comes from the tar that is there, and never from another one', async () => {
  const names = ['kept', 'copied-over', 'moved-back', 'replaced', 'cut', 'gone'];
  await sendAndHold(names);
  await rig.kill();
  toStore.drop();

  await copyFile(tarAt('copied-over'), `${tarAt('copied-over')}.part`);
  await rename(`${tarAt('copied-over')}.part`, tarAt('copied-over'));
  await throughOtherDisk('moved-back');
  await rig.land('replaced.tar', fresh('replaced'));
  await truncate(tarAt('cut'), 30_000);
  await rm(tarAt('gone'));
  await rig.start();
  await untilEnded((names.length + 1) * EACH);

  for (const name of ['kept', 'copied-over', 'moved-back']) {
    const rows = await rowsOf(name);
    expect(rows.map(({ status, retry_count }) => [status, retry_count])).toEqual([
      ['SUCCESS', 0],
      ['SUCCESS', 0],
    ]);
  }
  for (const [name, cause] of [
    ['cut', 'changed'],
    ['gone', 'missing'],
  ] as const)
    expect((await rowsOf(name)).map((row) => [row.status, row.cause])).toEqual([
      ['FAILED', cause],
      ['FAILED', cause],
    ]);
  const replaced = await rowsOf('replaced');
  expect(replaced.filter(({ status }) => status === 'SUCCESS')).toHaveLength(EACH);
  expect(replaced.filter(({ cause }) => cause === 'changed')).toHaveLength(EACH);
  await expectObjectsAsRows();
});

test('P1: what arrives after its sender has died counts, also when its tar is gone', async () => {
  const before = (await rig.rows('SELECT wav_path FROM uploads')).length;
  await sendAndHold(['late']);
  await rig.kill();
  await toStore.release();
  await rm(tarAt('late'));
  await rig.start();
  await untilEnded(before + EACH);
  const rows = await rowsOf('late');
  expect(rows.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS']);
  for (const { key, sha256: noted } of rows) expect(noted).toBe(sha256(bodies.get(key ?? '') as Buffer));
  await expectObjectsAsRows();
});

/** Away to the other disk and back, under another inode and with its old time, as `mv` does. */
async function throughOtherDisk(name: string): Promise<void> {
  const { dev, atime, mtime } = await stat(tarAt(name));
  const away = join(otherDisk, `${name}.tar`);
  await copyFile(tarAt(name), away);
  expect((await stat(away)).dev).not.toBe(dev);
  await rm(tarAt(name));
  await copyFile(away, `${tarAt(name)}.part`);
  await utimes(`${tarAt(name)}.part`, atime, mtime);
  await rename(`${tarAt(name)}.part`, tarAt(name));
}

/** P5: the bucket has what the rows that are SUCCESS say, and nothing else. */
async function expectObjectsAsRows(): Promise<void> {
  const rows = (await rig.rows(
    "SELECT key, sha256 FROM uploads WHERE status = 'SUCCESS'",
  )) as unknown as Row[];
  const objects = Object.entries(await rig.objects());
  expect(Object.fromEntries(objects.map(([key, object]) => [key, object.sha256]))).toEqual(
    Object.fromEntries(rows.map(({ key, sha256: noted }) => [key, noted])),
  );
}
