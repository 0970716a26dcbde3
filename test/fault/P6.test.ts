import { randomBytes } from 'node:crypto';
import {
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cleanUp, putBackInterrupted } from '../../src/ingest/cleanup/index.ts';
import { onItsWayOut, removeIfUnchanged } from '../../src/ingest/cleanup/remove-unchanged.ts';
import type { Settings } from '../../src/platform/config/index.ts';
import { extractTar } from '../../src/ingest/extract/index.ts';
import { receiptWriter } from '../../src/ingest/receipt/index.ts';
import { sha256OfFile, systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { ObjectStore } from '../../src/platform/s3/index.ts';
import { openS3Store } from '../../src/platform/s3/s3.ts';
import { bandwidth, uploadRecording } from '../../src/ingest/upload/index.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { makeTar } from '../support/tars.ts';

// P6: sources are never touched before the store has confirmed every recording of the tar. Each test makes one thing wrong
// after a tar was uploaded whole, and expects that nothing of it is removed.

const { signal } = new AbortController();
const NOTHING_KEPT: Settings['cleanup'] = { extracted: 'uploaded', incoming: 'uploaded' };

let root = '';
let s3: TestS3;
let ledger: Ledger;
let store: ObjectStore;
let reported: { event: string; fields: object }[] = [];
const report = (event: string, fields: object): void => void reported.push({ event, fields });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-p6-'));
  s3 = await startS3();
  ledger = await openSqliteLedger({
    file: join(root, 'state.db'),
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
    report,
  });
  store = openS3Store(s3.settings(), report, systemClock);
  reported = [];
});
afterEach(async () => {
  store.close();
  await ledger.close();
  await s3[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const incoming = (): string => join(root, 'incoming');
const extracted = (): string => join(root, 'extracted');

async function land(name: string, members: Readonly<Record<string, Buffer>>): Promise<string> {
  const path = join(incoming(), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, makeTar(Object.entries(members).map(([name, body]) => ({ name, body }))));
  const { size, mtimeMs } = await stat(path);
  const limits = {
    concurrency: 1,
    copy: true,
    maxEntries: 1000,
    maxEntryBytes: 1e9,
    maxTotalBytes: 1e9,
    minFreeBytes: 1,
    maxBacklog: { recordings: 1000, bytes: 1e9 },
  };
  const unterminated = 'incomplete' as const;
  const deps = {
    tars: ledger.tars,
    limits,
    unterminated,
    incoming: incoming(),
    extracted: extracted(),
    clock: systemClock,
    report,
  };
  await extractTar(deps, { path, size, mtimeMs: Math.floor(mtimeMs) }, signal);
  return path;
}

async function uploadAll(but?: string): Promise<void> {
  const deps = {
    recordings: ledger.recordings,
    store,
    clock: systemClock,
    report,
    site: 'rig',
    prefix: '',
    incoming: incoming(),
    extracted: extracted(),
    bandwidth: bandwidth(undefined, 'UTC', systemClock, () => 1),
  };
  const { rows: units } = await ledger.recordings.openUnits({ limit: 100 });
  for (const path of units.flatMap(({ paths }) => paths)) {
    const row = await ledger.recordings.get(path);
    if (row !== undefined && path !== but) await uploadRecording(deps, row, signal);
  }
}

const receipts = () =>
  receiptWriter(systemClock)(
    {
      ledger,
      store,
      report,
      site: 'main',
      prefix: '',
      incoming: incoming(),
      extracted: extracted(),
      scratch: root,
    },
    signal,
  );
const clean = (rules = NOTHING_KEPT) =>
  cleanUp(
    {
      ledger,
      store,
      rules,
      receipts: true,
      scratch: root,
      clock: systemClock,
      report,
      away: () => undefined,
      requireTurn: () => Promise.resolve(),
    },
    signal,
  );
const left = async (): Promise<readonly string[]> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((one) => one.isFile() && /\.(wav|tar)$/.test(one.name))
    .map(({ name }) => name)
    .toSorted();
};

test('what the store confirmed goes, once, and nothing else with it', async () => {
  await land('day/a.tar', { 'a.wav': randomBytes(9000), 'sub/b.wav': randomBytes(9000) });
  await writeFile(join(incoming(), 'day', 'other.txt'), 'not ours');
  await uploadAll();
  await receipts();
  expect(await clean()).toBe(3);
  expect(await left()).toEqual([]);
  expect(await readFile(join(incoming(), 'day', 'other.txt'), 'utf8')).toBe('not ours');
  expect((await readdir(root, { recursive: true })).filter((name) => name.includes('.wavspool-'))).toEqual(
    [],
  );
  expect(await clean()).toBe(0);
  expect(reported.map(({ event }) => event)).not.toContain('file kept');
});

test('"keep" keeps, and a duration counts from the last upload', async () => {
  await land('a.tar', { 'a.wav': randomBytes(9000) });
  await uploadAll();
  await receipts();
  expect(await clean({ extracted: 'keep', incoming: 'keep' })).toBe(0);
  expect(await clean({ extracted: 3_600_000, incoming: 3_600_000 })).toBe(0);
  expect(await clean({ extracted: 'uploaded', incoming: 'keep' })).toBe(1);
  expect(await left()).toEqual(['a.tar']);
});

test.each([
  [
    'a recording is not uploaded yet',
    async () => {
      await land('a.tar', { 'a.wav': randomBytes(9000), 'b.wav': randomBytes(9000) });
      await uploadAll(join(extracted(), 'b.wav'));
    },
  ],
  [
    'a recording of an earlier tar that it shares is not uploaded yet',
    async () => {
      const shared = randomBytes(9000);
      await land('first.tar', { 'a.wav': shared });
      await land('a.tar', { 'a.wav': shared, 'b.wav': randomBytes(9000) });
      await uploadAll(join(extracted(), 'a.wav'));
    },
  ],
  [
    'a member was refused',
    async () => {
      await land('a.tar', { 'a.wav': randomBytes(9000), '../b.wav': randomBytes(9000) });
      await uploadAll();
    },
  ],
  [
    'another program removed an object',
    async () => {
      await land('a.tar', { 'a.wav': randomBytes(9000), 'b.wav': randomBytes(9000) });
      await uploadAll();
      await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: 'b.wav' }));
    },
  ],
  [
    'another program overwrote an object with bytes of the same length',
    async () => {
      await land('a.tar', { 'a.wav': randomBytes(9000), 'b.wav': randomBytes(9000) });
      await uploadAll();
      const head = await store.head('b.wav', signal);
      const Metadata = { ...head?.metadata };
      await s3.client.send(
        new PutObjectCommand({ Bucket: s3.bucket, Key: 'b.wav', Body: randomBytes(9000), Metadata }),
      );
    },
  ],
  [
    'a row was set to SUCCESS by hand',
    async () => {
      await land('a.tar', { 'a.wav': randomBytes(9000) });
      const size = 9000;
      const receipt = { key: 'a.wav', size, sha256: 'f'.repeat(64), etag: '"e"', versionId: undefined };
      await ledger.recordings.stored(join(extracted(), 'a.wav'), receipt);
    },
  ],
  [
    'nothing was taken from the tar',
    async () => {
      await land('a.tar', { 'a.wave': randomBytes(9000) });
    },
  ],
])('nothing goes when %s', async (_, happen) => {
  await happen();
  await receipts();
  const before = await left();
  expect(before).toContain('a.tar');
  expect(await clean()).toBeLessThan(before.length);
  expect(await left()).toContain('a.tar');
  for (const name of before.filter((name) => !name.startsWith('first'))) expect(await left()).toContain(name);
});

test('nothing goes before the receipt is written', async () => {
  await land('a.tar', { 'a.wav': randomBytes(9000) });
  await uploadAll();
  expect(await clean()).toBe(0);
  await receipts();
  expect(await clean()).toBe(2);
});

test('a file that was changed since, and a tar that was replaced by one of the same size and time, stay', async () => {
  const tar = await land('a.tar', { 'a.wav': randomBytes(9000), 'b.wav': randomBytes(9000) });
  await uploadAll();
  await receipts();
  const recording = join(extracted(), 'a.wav');
  await writeFile(recording, randomBytes(9000));
  const changed = await readFile(recording);
  const { atime, mtime, size } = await stat(tar);
  const other = randomBytes(size);
  await writeFile(tar, other);
  await utimes(tar, atime, mtime);
  expect(await clean()).toBe(1);
  expect(await left()).toEqual(['a.tar', 'a.wav']);
  expect(await readFile(recording)).toEqual(changed);
  expect(await readFile(tar)).toEqual(other);
  expect(reported.filter(({ event }) => event === 'file kept')).toHaveLength(2);
});

test('a file that a crash left on its way out comes back, beside its name if that was taken meanwhile', async () => {
  const day = join(incoming(), 'day');
  await mkdir(day, { recursive: true });
  const ways = ['a.tar', 'b.tar', 'gone.tar'].map((name, i) => ({
    path: join(day, name),
    aside: `.wavspool-${String(i).repeat(32)}`,
  }));
  await writeFile(join(day, ways[0]?.aside ?? ''), 'a');
  await writeFile(join(day, ways[1]?.aside ?? ''), 'b');
  await writeFile(join(day, 'b.tar'), 'a new b');
  await writeFile(join(root, 'removing-x.json'), JSON.stringify(ways));
  expect(await putBackInterrupted(root, report)).toBe(2);
  const files = await readdir(day);
  expect(files.toSorted()).toEqual(['a.tar', 'b.tar', 'b.tar.111111111111']);
  expect(await readFile(join(day, 'a.tar'), 'utf8')).toBe('a');
  expect(await readFile(join(day, 'b.tar'), 'utf8')).toBe('a new b');
  expect(await putBackInterrupted(root, report)).toBe(0);
  expect(await readdir(root)).not.toContain('removing-x.json');
});

test('what a client plants or swaps in the landing directory harms no other client, and stops no other tar', async () => {
  const victim = join(incoming(), 'victim');
  await mkdir(victim, { recursive: true });
  await writeFile(join(victim, 'a.tar'), 'the tar of another user');
  await land('day/a.tar', { 'a.wav': randomBytes(9000) });
  await land('file/b.tar', { 'b.wav': randomBytes(9000) });
  await land('swapped/c.tar', { 'c.wav': randomBytes(9000) });
  await land('last/d.tar', { 'd.wav': randomBytes(9000) });
  await uploadAll();
  await receipts();
  await symlink(victim, join(incoming(), 'day', '.wavspool-removing'));
  await writeFile(join(incoming(), 'file', '.wavspool-removing'), '');
  // the directory of c.tar now is a link to where a file of that name, with those bytes, is another's
  await rename(join(incoming(), 'swapped'), join(root, 'private'));
  await symlink(join(root, 'private'), join(incoming(), 'swapped'));
  await chown(incoming(), 65_534, 65_534); // others may write here
  expect(await clean()).toBe(7);
  expect(await readFile(join(victim, 'a.tar'), 'utf8')).toBe('the tar of another user');
  expect(await readdir(join(root, 'private'))).toEqual(['c.tar']);
  expect(reported.filter(({ event }) => event === 'file kept')).toMatchObject([
    { fields: { path: join(incoming(), 'swapped/c.tar'), reason: expect.stringContaining('link') } },
  ]);
});

test('a tar that is replaced while it is hashed for the last time stays', async () => {
  await mkdir(incoming(), { recursive: true });
  const path = join(incoming(), 'a.tar');
  await writeFile(path, '');
  await truncate(path, 256 * 1024 * 1024); // takes long enough to hash
  const sha256 = await sha256OfFile(path);
  await writeFile(join(incoming(), 'new'), 'a new tar');
  const removal = removeIfUnchanged(onItsWayOut(path), sha256);
  const isOpen = async (): Promise<boolean> =>
    (
      await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      )
    ).includes(path);
  while (!(await isOpen())) await new Promise((resolve) => setImmediate(resolve));
  await rename(join(incoming(), 'new'), path);
  expect(await removal).toBe('changed');
  expect(await readdir(incoming())).toEqual(['a.tar']);
  expect(await readFile(path, 'utf8')).toBe('a new tar');
});
