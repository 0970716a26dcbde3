import { hash, randomBytes } from 'node:crypto';
import { rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import type { RecordingRow } from '../../src/domain/recording.ts';
import { bandwidth, uploadRecording } from '../../src/ingest/upload/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { openS3Store } from '../../src/platform/s3/s3.ts';
import { openBench, type ExtractionBench } from '../support/extraction.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { contentOf, sparseMember } from '../support/sparse-tars.ts';
import { makeTar } from '../support/tars.ts';

// `extract.copy: false`: recordings are uploaded from where they lie in their tar, on a real store.

const never = new AbortController().signal;
const MIB = 1024 * 1024;
let s3: TestS3;
let store: ReturnType<typeof openS3Store>;
let bench: ExtractionBench;

beforeAll(async () => {
  s3 = await startS3();
  store = openS3Store({ ...s3.settings(), multipartBytes: 5 * MIB }, () => undefined, systemClock);
});
afterAll(async () => {
  store.close();
  await s3[Symbol.asyncDispose]();
});
beforeEach(async () => {
  bench = await openBench();
  bench.limits.copy = false;
});
afterEach(() => bench[Symbol.asyncDispose]());

async function upload(row: RecordingRow): Promise<void> {
  const { incoming, extracted, ledger } = bench;
  const current = (await ledger.recordings.get(row.path)) ?? row;
  const deps = {
    recordings: ledger.recordings,
    store,
    bandwidth: bandwidth(undefined, 'UTC', systemClock, () => 1),
    clock: systemClock,
    report: () => undefined,
    site: 'rig',
    prefix: `${incoming.split('/').at(-2)}/`,
    incoming,
    extracted,
  };
  await uploadRecording(deps, current, never);
}

/** The SHA-256 of what the bucket has for each row. */
async function stored(rows: readonly RecordingRow[]): Promise<(string | undefined)[]> {
  return Promise.all(
    rows.map(async ({ path }) => {
      const { key } = (await bench.ledger.recordings.get(path)) ?? {};
      return key === undefined ? undefined : sha(await s3.bytes(key));
    }),
  );
}

const inOrder = (hashes: readonly (string | undefined)[]): string[] =>
  hashes.map(String).toSorted((a, b) => a.localeCompare(b));
const sha = (bytes: Buffer): string => hash('sha256', bytes, 'hex');
const bodies = (count: number, size = 3000): Buffer[] =>
  Array.from({ length: count }, () => randomBytes(size));
const tarOf = (parts: readonly Buffer[]): Buffer =>
  makeTar(parts.map((body, at) => ({ name: `${at}.wav`, body })));

test('every recording of a plain tar is stored byte for byte, of every size, and nothing lies below extracted', async () => {
  const parts = [...bodies(5), Buffer.alloc(0), randomBytes(11 * MIB), randomBytes(5 * MIB)];
  const { rows, fault } = await bench.extract(await bench.land('day/a.tar', tarOf(parts)));
  expect(fault).toBeUndefined();
  expect(await bench.files()).toEqual({});
  for (const row of rows) await upload(row);
  const byMember = rows.toSorted((a, b) => (a.member ?? '').localeCompare(b.member ?? ''));
  expect(await stored(byMember)).toEqual(parts.map(sha));
});

test('hard links, sparse members and compressed tars have files as before', async () => {
  const [a, b] = [randomBytes(2000), randomBytes(2000)];
  const mixed = makeTar([
    { name: 'a.wav', body: a },
    { name: 'b.wav', type: '1', linkname: 'a.wav' },
    { name: 'c.wav', type: '1', linkname: 'b.wav' },
  ]);
  const plain = await bench.extract(await bench.land('m.tar', mixed));
  const packed = await bench.extract(
    await bench.land('z.tar.gz', makeTar([{ name: 'z.wav', body: b }], { compress: 'gzip' })),
  );
  const parts = [{ offset: 9000, bytes: a }];
  const content = contentOf(12_000, parts);
  const link = makeTar([{ name: 'l.wav', type: '1', linkname: 's.wav' }]);
  const holes = Buffer.concat([sparseMember('1.0', 's.wav', content.length, parts), link]);
  const sparse = await bench.extract(await bench.land('s.tar', holes));
  expect(await bench.files()).toEqual({
    'b.wav': sha(a),
    'c.wav': sha(a),
    'l.wav': sha(content),
    's.wav': sha(content),
    'z.wav': sha(b),
  });
  const rows = [...plain.rows, ...packed.rows, ...sparse.rows];
  for (const row of rows) await upload(row);
  const expected = [sha(a), sha(a), sha(a), sha(b), sha(content), sha(content)];
  expect(inOrder(await stored(rows))).toEqual(inOrder(expected));
});

test('P5: one name and other bytes, in one tar, in two, and as a file from before, are recordings of their own', async () => {
  const [a, b, c, d] = bodies(4) as [Buffer, Buffer, Buffer, Buffer];
  await writeFile(join(bench.extracted, 'call.wav'), d);
  const first = await bench.extract(
    await bench.land('a.tar', makeTar([a, b, a].map((body) => ({ name: 'call.wav', body })))),
  );
  const second = await bench.extract(await bench.land('b.tar', makeTar([{ name: 'call.wav', body: c }])));
  const again = await bench.extract(await bench.land('b2/b.tar', makeTar([{ name: 'call.wav', body: c }])));
  const rows = [...first.rows, ...second.rows, ...again.rows];
  expect(new Set(rows.map(({ path }) => path)).size).toBe(4);
  for (const row of rows) await upload(row);
  expect(inOrder(await stored(rows))).toEqual(inOrder([a, b, c, c].map(sha)));
  expect(await bench.files()).toEqual({ 'call.wav': sha(d) });
});

const HARM: readonly [string, (tar: string, parts: readonly Buffer[]) => Promise<unknown>, string][] = [
  ['cut', (tar) => truncate(tar, 1024), 'RECORDING_CHANGED'],
  ['removed', (tar) => rm(tar), 'RECORDING_MISSING'],
  ['written over in place', (tar) => writeFile(tar, tarOf(bodies(2))), 'RECORDING_CHANGED'],
  [
    'renamed over',
    async (tar) => {
      await writeFile(`${tar}.new`, tarOf(bodies(2)));
      await rename(`${tar}.new`, tar);
    },
    'RECORDING_CHANGED',
  ],
  [
    'a link now, even to the same bytes',
    async (tar) => {
      await rename(tar, `${tar}.moved`);
      await symlink(`${tar}.moved`, tar);
    },
    'RECORDING_CHANGED',
  ],
];

test.each(HARM)(
  'a tar that is %s between extraction and upload is told, and nothing is stored',
  async (_, harm, code) => {
    for (const size of [3000, 6 * MIB]) {
      const parts = bodies(2, size);
      const tar = await bench.land(`harm-${size}.tar`, tarOf(parts));
      const { rows } = await bench.extract(tar);
      await harm(tar, parts);
      for (const row of rows.slice(0, 1)) {
        expect(await upload(row).catch(faultCode)).toBe(code);
        expect(await stored([row])).toEqual([undefined]);
      }
    }
  },
);

test('a tar that was only touched, or comes back under another inode, is the same bytes: they are stored', async () => {
  const parts = bodies(2);
  const tar = await bench.land('t.tar', tarOf(parts));
  const { rows } = await bench.extract(tar);
  await utimes(tar, 1, 1);
  await writeFile(`${tar}.copy`, tarOf(parts));
  await rename(`${tar}.copy`, tar);
  for (const row of rows) await upload(row);
  expect(inOrder(await stored(rows))).toEqual(inOrder(parts.map(sha)));
});

test('equal bytes in a second tar are read from there when the first is gone', async () => {
  const [part] = bodies(1) as [Buffer];
  const first = await bench.land('one.tar', makeTar([{ name: 'x.wav', body: part }]));
  const { rows } = await bench.extract(first);
  await bench.extract(await bench.land('two.tar', makeTar([{ name: 'x.wav', body: part }])));
  await rm(first);
  for (const row of rows) await upload(row);
  expect(await stored(rows)).toEqual([sha(part)]);
});

test.each([true, false])('the setting may change in the middle of a backlog (copy was %s)', async (copy) => {
  bench.limits.copy = copy;
  const before = bodies(2);
  const old = await bench.extract(await bench.land('before/a.tar', tarOf(before)));
  bench.limits.copy = !copy;
  const after = bodies(2);
  const young = await bench.extract(await bench.land('after/a.tar', tarOf(after)));
  const again = await bench.extract(join(bench.incoming, 'before/a.tar'));
  expect([old.fault, young.fault, again.fault]).toEqual([undefined, undefined, undefined]);
  expect(again.rows.map(({ path }) => path)).toEqual(old.rows.map(({ path }) => path));
  const rows = [...old.rows, ...young.rows];
  for (const row of rows) await upload(row);
  expect(inOrder(await stored(rows))).toEqual(inOrder([...before, ...after].map(sha)));
});

test('the disk of extracted need have no room', async () => {
  bench.limits.minFreeBytes = Number.MAX_SAFE_INTEGER;
  const { fault, rows } = await bench.extract(await bench.land('r.tar', tarOf(bodies(3))));
  expect(fault).toBeUndefined();
  expect(rows).toHaveLength(3);
});
