import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { auditReceipts } from '../../src/operate/audit/audit-receipts.ts';
import { WavspoolError } from '../../src/domain/faults.ts';
import { receiptWriter, restoreFromReceipts } from '../../src/ingest/receipt/index.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { ObjectStore } from '../../src/platform/s3/index.ts';
import { openS3Store } from '../../src/platform/s3/s3.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { commitTar } from '../support/commit-tar.ts';

// The chain of receipts on a real store, when state.db is older than the bucket, and when one receipt of many cannot be written.

const { signal } = new AbortController();
let s3: TestS3;
let store: ObjectStore;
let ledger: Ledger;
let root = '';
let prefix = '';
let events: { event: string; fields: Record<string, unknown> }[] = [];
let tars = 0;
const report = (event: string, fields: object): void =>
  void events.push({ event, fields: fields as Record<string, unknown> });
const file = (): string => join(root, 'state.db');
const open = (): Promise<Ledger> =>
  openSqliteLedger({ file: file(), maxRetries: 5, clock: systemClock, random: systemRandom, report });
const deps = () => ({
  ledger,
  store,
  report,
  site: 'main',
  prefix,
  incoming: '/in',
  extracted: '/x',
  scratch: root,
  dueBefore: '9999-01-01 00:00:00',
});
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const put = (key: string, body: Uint8Array | string): Promise<unknown> =>
  s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: prefix + key, Body: body }));

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-receipts-'));
  prefix = `${randomBytes(4).toString('hex')}/`;
  store = openS3Store(s3.settings({ prefix }), report, systemClock);
  ledger = await open();
  events = [];
});
afterEach(async () => {
  await ledger.close();
  store.close();
  await rm(root, { recursive: true });
});

/** A tar with one recording that lies in the bucket and says so. */
async function carry(name: string): Promise<string> {
  tars += 1;
  const tar = { path: join('/in', name), size: 10, mtimeMs: tars };
  const body = randomBytes(1000);
  const recording = `${name.replaceAll('/', '-').slice(0, 40)}-${tars}.wav`;
  const path = join(root, 'body');
  await writeFile(path, body);
  const sha256 = hashOf(body);
  const bytes = { member: recording, size: 1000, sha256 };
  await commitTar(
    ledger,
    tar,
    { [join('/x', recording)]: bytes },
    { sha256: hashOf(Buffer.from(`${name} ${tars}`)) },
  );
  const object = {
    key: prefix + recording,
    path,
    size: 1000,
    sha256,
    metadata: { sha256 },
    contentType: 'audio/wav',
  };
  const { etag, versionId } = await store.putIfAbsent(object, signal);
  await ledger.recordings.stored(join('/x', recording), {
    key: object.key,
    size: 1000,
    sha256,
    etag,
    versionId,
  });
  return join('/x', recording);
}

async function findings(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { sign, key, reason } of auditReceipts(deps(), signal))
    found.push(`${sign} ${key} ${reason}`);
  return found;
}

test('a state.db that was restored from a copy goes on with the chain that the bucket has, and gets its rows back', async () => {
  await carry('a.tar');
  expect(await receiptWriter(systemClock)(deps(), signal)).toBe(1);
  await ledger.close();
  await copyFile(file(), join(root, 'copy'));
  ledger = await open();
  const lost = [await carry('b.tar'), await carry('c.tar')];
  expect(await receiptWriter(systemClock)(deps(), signal)).toBe(2);
  await ledger.close();
  for (const end of ['-wal', '-shm']) await rm(`${file()}${end}`, { force: true });
  await copyFile(join(root, 'copy'), file());
  ledger = await open();

  await carry('d.tar');
  expect(await receiptWriter(systemClock)(deps(), signal)).toBe(1);
  expect((await ledger.receipts.head())?.seq).toBe(4);
  expect(await findings()).toEqual([]);
  for (const path of lost) expect(await ledger.recordings.get(path)).toMatchObject({ status: 'SUCCESS' });
  expect(events.find(({ event }) => event === 'receipts caught up')?.fields).toEqual({
    after: 1,
    receipts: 2,
    recordings: 2,
  });
});

test('a new state.db on a bucket with receipts of its site does not begin a second chain', async () => {
  const path = await carry('a.tar');
  await receiptWriter(systemClock)(deps(), signal);
  await ledger.close();
  for (const end of ['', '-wal', '-shm']) await rm(`${file()}${end}`, { force: true });
  ledger = await open();
  await carry('b.tar');
  await receiptWriter(systemClock)(deps(), signal);
  expect((await ledger.receipts.head())?.seq).toBe(2);
  expect(await ledger.recordings.get(path)).toMatchObject({ status: 'SUCCESS' });
  expect(await findings()).toEqual([]);
});

test('the chain is read once in a process, and only what is newer than state.db', async () => {
  await carry('a.tar');
  const write = receiptWriter(systemClock);
  await write(deps(), signal);
  let listings = 0;
  let read = 0;
  const counting = {
    ...deps(),
    store: {
      ...store,
      list: (...args: Parameters<ObjectStore['list']>) => {
        listings += 1;
        return store.list(...args);
      },
      get: (...args: Parameters<ObjectStore['get']>) => {
        read += 1;
        return store.get(...args);
      },
    },
  };
  await carry('b.tar');
  await write(counting, signal);
  expect(listings).toBe(0);
  await receiptWriter(systemClock)(counting, signal);
  expect(listings).toBe(2); // the last receipt, to know since when, and the others
  expect(read).toBeLessThanOrEqual(2); // those of the same second
});

test('one receipt that cannot be written keeps no other waiting, and is tried again an hour later', async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  await carry('a.tar');
  const tarSha256 = (await ledger.tars.get('/in/a.tar'))?.sha256?.slice(0, 12) ?? '';
  for (const end of ['', `.${tarSha256}`, `.${tarSha256}.1`, `.${tarSha256}.main.1`])
    await put(`.receipts/a.tar${end}.json`, 'foreign');
  await carry('b.tar');
  await carry('c.tar');
  const write = receiptWriter(clock);
  expect(await write(deps(), signal)).toBe(2);
  expect(await ledger.receipts.pending()).toBeUndefined();
  expect(await findings()).toContain(
    '- /in/a.tar has no receipt, though all its recordings are in the bucket',
  );
  expect(events.filter(({ event }) => event === 'receipt put off').map(({ fields }) => fields)).toMatchObject(
    [{ tar: '/in/a.tar', code: 'KEY_TAKEN' }],
  );
  events = [];
  expect(await write(deps(), signal)).toBe(0);
  expect(events).toEqual([]);
  nowMs = 2 * 60 * 60 * 1000;
  expect(await write(deps(), signal)).toBe(1); // its last keys have another number by now
  expect((await ledger.receipts.head())?.seq).toBe(3);
});

/** A store that refuses the receipt of a.tar, and says of itself that it serves unless it is away. */
const refusing = (isAway: boolean): ObjectStore => ({
  ...store,
  putIfAbsent: (object, abort) =>
    object.key.includes('a.tar')
      ? Promise.reject(new WavspoolError('STORE_CREDENTIALS', '403 for this one'))
      : store.putIfAbsent(object, abort),
  check: (abort) =>
    isAway ? Promise.reject(new WavspoolError('STORE_CREDENTIALS', 'all of it')) : store.check(abort),
});

test('a key that the store refuses is that receipt’s trouble while the store serves, and the store’s when it does not', async () => {
  await carry('a.tar');
  await carry('b.tar');
  const write = receiptWriter(systemClock);
  await expect(write({ ...deps(), store: refusing(true) }, signal)).rejects.toThrow('all of it');
  expect(await ledger.receipts.pending()).toMatchObject({ tar: { path: '/in/a.tar' } }); // nobody knows: it keeps its place
  expect(await write({ ...deps(), store: refusing(false) }, signal)).toBe(1);
  expect(await ledger.receipts.head()).toMatchObject({ seq: 1 });
  expect(await findings()).toEqual([
    '- /in/a.tar has no receipt, though all its recordings are in the bucket',
  ]);
});

test('an answer that is lost each time is looked into: what is there counts', async () => {
  await carry('a.tar');
  let knows = false;
  const lossy: ObjectStore = {
    ...store,
    putIfAbsent: async (object, abort) => {
      await store.putIfAbsent(object, abort);
      throw new WavspoolError('CONNECTION_LOST', 'after the object was stored');
    },
    head: (key, abort) => (knows ? store.head(key, abort) : Promise.resolve(undefined)),
  };
  const write = receiptWriter(systemClock);
  for (const _ of [1, 2])
    await expect(write({ ...deps(), store: lossy }, signal)).rejects.toThrow('after the object');
  knows = true;
  expect(await write({ ...deps(), store: lossy }, signal)).toBe(1);
  expect((await ledger.receipts.head())?.seq).toBe(1);
  expect(await findings()).toEqual([]);
});

test('a tar whose path is too long for a key has its receipt, and so have the others', async () => {
  await carry(`${'d'.repeat(200)}/${'e'.repeat(250)}/${'f'.repeat(250)}/${'g'.repeat(250)}/long.tar`);
  await carry('b.tar');
  expect(await receiptWriter(systemClock)(deps(), signal)).toBe(2);
  expect(await findings()).toEqual([]);
});

test('no command believes what is no receipt of the chain', async () => {
  await carry('a.tar');
  await receiptWriter(systemClock)(deps(), signal);
  const key = `${prefix}.receipts/a.tar.json`;
  const genuine = (await s3.bytes(key)).toString();
  const planted = genuine.replaceAll('a.tar', 'foretold.tar').replace('"seq":1', '"seq":2');
  await put('.receipts/foretold.tar.json', planted); // names no receipt before it
  await put('.receipts/elsewhere.json', genuine); // lies where no receipt of a.tar lies
  await put('.receipts/call.wav', randomBytes(100)); // what a tar with such a member brought once
  const restored = await restoreFromReceipts(deps(), signal);
  expect(restored).toMatchObject({ receipts: 1, recordings: 0 });
  expect(restored.invalid.map(({ key }) => key.replace(prefix, '')).toSorted()).toEqual([
    '.receipts/elsewhere.json',
    '.receipts/foretold.tar.json',
  ]);
  expect(await ledger.tars.get('/in/foretold.tar')).toBeUndefined();
  expect((await findings()).some((finding) => finding.includes('call.wav'))).toBe(false);
});

test('a taken-over row gets into a receipt once its object has proved it, and keeps its tar’s receipt away otherwise', async () => {
  const right = await carry('a.tar');
  const wrong = await carry('b.tar');
  await ledger.close();
  execFileSync('sqlite3', [
    file(),
    `UPDATE uploads SET etag = NULL, key = NULL; UPDATE uploads SET sha256 = '${'0'.repeat(64)}' WHERE wav_path = '${wrong}'`,
  ]);
  ledger = await open();
  expect(await receiptWriter(systemClock)(deps(), signal)).toBe(1);
  expect(await ledger.recordings.get(right)).toMatchObject({
    status: 'SUCCESS',
    key: expect.stringContaining('a.tar') as string,
  });
  expect(events.filter(({ event }) => event === 'receipt put off').map(({ fields }) => fields)).toMatchObject(
    [{ tar: '/in/b.tar', code: 'KEY_TAKEN' }],
  );
});
