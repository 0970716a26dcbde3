import { createHash, randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// What an auditor asks: is every recording there, unaltered? Another program changes the bucket, the disk or state.db; the audit says
// so, and brings back what can be brought back.

interface Audit {
  readonly ok: boolean;
  readonly checked: number;
  readonly same: number;
  readonly repaired: number;
  readonly receipts?: number;
  readonly findings: readonly { readonly sign: string; readonly key: string; readonly reason: string }[];
}

let rig: Rig;
let recordings = 0;
const content = new Map<string, Buffer>();

async function landTar(path: string, members: readonly string[]): Promise<void> {
  const bodies = members.map((name) => ({ name, body: randomBytes(20_000) }));
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  for (const { name, body } of bodies) content.set(`${directory}${name}`, body);
  recordings += members.length;
  await rig.land(path, makeTar(bodies));
}

async function audit(...flags: string[]): Promise<Audit & { readonly code: number }> {
  const { code, stdout } = await rig.wavspool('audit', '--json', ...flags);
  return { code, ...(JSON.parse(stdout) as Audit) };
}

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const signs = ({ findings }: Audit): readonly string[] => findings.map(({ sign, key }) => `${sign} ${key}`);
const remove = (key: string) =>
  rig.s3.client.send(new DeleteObjectCommand({ Bucket: rig.s3.bucket, Key: key }));
const put = (key: string, body: Buffer | string, metadata = {}) =>
  rig.s3.client.send(
    new PutObjectCommand({ Bucket: rig.s3.bucket, Key: key, Body: body, Metadata: metadata }),
  );
const bytesOf = (key: string): Promise<Buffer> => rig.s3.bytes(key);
const receiptsWritten = (n: number): Promise<void> =>
  until(
    `${n} receipts are written`,
    async () => {
      const [row] = await rig.rows('SELECT count(*) AS n FROM extracted_tars WHERE receipt_for = sha256');
      return row?.['n'] === n;
    },
    60_000,
  );

beforeAll(async () => {
  rig = await startRig(undefined, {}, { together: true });
  await landTar('2026/03/03/a.tar', ['a1.wav', 'a2.wav', 'größe.wav']);
  await landTar('2026/03/03/b.tar', ['b1.wav', 'sub/b2.wav']);
  await rig.settled(recordings);
  await receiptsWritten(2);
  await rig.stop();
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  expect(await audit()).toMatchObject({
    code: 0,
    ok: true,
    checked: recordings,
    same: recordings,
    findings: [],
  });
});

test('it needs neither Redis nor a running wavspool, and tells a person the same', async () => {
  const { code, stdout } = await rig.wavspool('audit');
  expect(code).toBe(0);
  expect(stdout).toContain(`= ${recordings} the same`);
  expect(await audit('--deep')).toMatchObject({ code: 0, same: recordings });
  expect(await audit('--sample', '2')).toMatchObject({ code: 0, checked: 2, same: 2 });
  expect((await rig.wavspool('audit', '--since', '2099-01-01')).code).toBe(2); // nothing can be later than now
});

test('- a recording that is missing in the bucket is found, and repaired from its file', async () => {
  const key = '2026/03/03/größe.wav';
  await remove(key);
  const found = await audit();
  expect([found.code, ...signs(found)]).toEqual([1, `- ${key}`]);
  expect(await audit('--repair')).toMatchObject({ code: 1, repaired: 1 });
  expect(await bytesOf(key)).toEqual(content.get(key));
});

test('* one whose bytes are others is found with and without a noted hash, moved aside, and repaired from its tar', async () => {
  const key = '2026/03/03/sub/b2.wav';
  const original = content.get(key) ?? Buffer.alloc(0);
  const other = randomBytes(original.length);
  await put(key, other);
  const found = await audit();
  expect([found.code, ...signs(found)]).toEqual([1, `* ${key}`]);
  await put(key, other, { sha256: sha256Of(original) });
  expect(signs(await audit())).toEqual([`* ${key}`]);

  await rm(join(rig.extracted, key));
  expect(await audit('--repair')).toMatchObject({ code: 1, repaired: 1 });
  expect(await bytesOf(key)).toEqual(original);
  expect(await readFile(join(rig.extracted, key))).toEqual(original);
  const aside = (await rig.s3.keys()).filter((one) => one.startsWith('.altered/'));
  expect(aside).toHaveLength(1);
  expect(await bytesOf(aside[0] ?? '')).toEqual(other);
});

test('what cannot be repaired is said and left as it is', async () => {
  const key = '2026/03/03/a1.wav';
  const original = content.get(key) ?? Buffer.alloc(0);
  const tar = join(rig.incoming, '2026/03/03/a.tar');
  await rename(tar, `${tar}.kept`); // with its mtime, which makes it the version that it is
  await put(key, 'junk');
  await writeFile(tar, 'not the tar any more');
  await writeFile(join(rig.extracted, key), 'changed');
  const found = await audit('--repair');
  expect(found).toMatchObject({ code: 1, repaired: 0 });
  expect(signs(found)).toContain(`! ${tar}.kept`); // its name is none of a tar's: nothing takes it
  expect((await bytesOf(key)).toString()).toBe('junk');
  expect(JSON.stringify(found.findings)).toContain('neither its file nor its tar is on this host as it was');
  await writeFile(join(rig.extracted, key), original);
  expect(await audit('--repair')).toMatchObject({ repaired: 1 });
  expect(await bytesOf(key)).toEqual(original);
  await rename(`${tar}.kept`, tar);
});

test('+ an object that no row knows is found, and left alone', async () => {
  await put('2026/03/03/foreign.wav', 'foreign');
  const found = await audit('--repair');
  expect([found.code, ...signs(found)]).toEqual([1, '+ 2026/03/03/foreign.wav']);
  expect((await bytesOf('2026/03/03/foreign.wav')).toString()).toBe('foreign');
  await remove('2026/03/03/foreign.wav');
});

test('! a tar that landed and was never extracted is found, and repaired', async () => {
  await landTar('2026/03/04/late.tar', ['late.wav']);
  const found = await audit();
  expect([found.code, ...signs(found)]).toEqual([1, `! ${join(rig.incoming, '2026/03/04/late.tar')}`]);
  expect(await audit('--repair')).toMatchObject({ code: 1, repaired: 1 });
  expect(await bytesOf('2026/03/04/late.wav')).toEqual(content.get('2026/03/04/late.wav'));
});

test('! rows that another program removed are found, and written again from the tar', async () => {
  const row = "SELECT wav_path, status, sha256, key FROM uploads WHERE wav_path LIKE '%/b1.wav'";
  const before = await rig.rows(row);
  await rig.change("DELETE FROM uploads WHERE wav_path LIKE '%/b1.wav'");
  const found = await audit();
  const tar = join(rig.incoming, '2026/03/03/b.tar');
  expect([found.code, ...signs(found)]).toEqual([1, '+ 2026/03/03/b1.wav', `! ${tar}`]);
  expect(await audit('--repair')).toMatchObject({ code: 1, repaired: 1 });
  expect(await rig.rows(row)).toEqual(before);
});

test('! a recording that another program has uploaded from elsewhere is named, and the audit goes on', async () => {
  // with a prefix of nothing its name would be that of the bucket itself, or a piece of its path
  const paths = ['/a', '/elsewhere/of/another/program/and/its/long/directories/and/names/a.wav'];
  for (const path of paths)
    await rig.change(
      `INSERT INTO uploads (wav_path, status, timestamp, retry_count) VALUES ('${path}', 'SUCCESS', '2025-09-01 02:00:00', 0)`,
    );
  for (const flags of [[], ['--deep'], ['--repair']]) {
    const found = await audit(...flags);
    expect([found.code, found.same, ...signs(found)]).toEqual([
      1,
      recordings,
      `! ${paths[0]}`,
      `! ${paths[1]}`,
    ]);
    expect(found.findings[0]?.reason).toContain('no key');
  }
  await rig.change('DELETE FROM uploads WHERE key IS NULL');
});

test('the chain of receipts is walked: one that is missing, altered or foreign shows', async () => {
  const [key = ''] = (await rig.s3.keys()).filter((one) => one === '.receipts/2026/03/03/a.tar.json');
  const receipt = await bytesOf(key);
  expect(await audit('--receipts')).toMatchObject({ code: 0, receipts: 2 });

  await remove(key);
  const missing = await audit('--receipts');
  expect(missing.code).toBe(1);
  expect(JSON.stringify(missing.findings)).toMatch(/receipt 1 is missing|receipt 2 is missing/);

  await put(key, receipt.toString().replace('a1.wav', 'a9.wav'));
  const altered = await audit('--receipts');
  expect(altered.code).toBe(1);
  expect(altered.findings.map(({ sign }) => sign)).toContain('*');

  await put(key, 'no receipt');
  expect(JSON.stringify((await audit('--receipts')).findings)).toContain('is not JSON');
  await put(key, receipt);
  expect(await audit('--receipts')).toMatchObject({ code: 0 });
});

test('a receipt is what docs/receipts.md says, and state.db can be rebuilt from the receipts alone', async () => {
  await rig.start();
  await receiptsWritten(3); // that of the tar which an earlier audit repaired
  await rig.stop();
  const receipt = JSON.parse((await bytesOf('.receipts/2026/03/03/b.tar.json')).toString()) as {
    tar: object;
    recordings: { name: string; key: string; sha256: string; size: number }[];
  };
  const tar = await readFile(join(rig.incoming, '2026/03/03/b.tar'));
  expect(receipt).toMatchObject({ format: 'wavspool-receipt/1', site: 'rig' });
  expect(receipt.tar).toMatchObject({ path: '2026/03/03/b.tar', size: tar.length, sha256: sha256Of(tar) });
  expect(receipt.recordings.map(({ name, key, size, sha256 }) => ({ name, key, size, sha256 }))).toEqual(
    ['b1.wav', 'sub/b2.wav'].map((name) => {
      const body = content.get(`2026/03/03/${name}`) ?? Buffer.alloc(0);
      return { name, key: `2026/03/03/${name}`, size: body.length, sha256: sha256Of(body) };
    }),
  );

  const columns = 'wav_path, status, retry_count, tar, member, size, sha256, key, etag, duration_ms';
  const rows = await rig.rows(`SELECT ${columns} FROM uploads ORDER BY wav_path`);
  const tars = await rig.rows(
    'SELECT path, size, mtime_ms, sha256, recordings, bytes, wavs, receipts FROM extracted_tars ORDER BY path',
  );
  for (const end of ['', '-wal', '-shm']) await rm(join(rig.data, `state.db${end}`), { force: true });
  const { code, stdout } = await rig.wavspool('rescan', '--from-receipts', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ receipts: 3, recordings, invalid: [] });
  expect(await rig.rows(`SELECT ${columns} FROM uploads ORDER BY wav_path`)).toEqual(rows);
  expect(
    await rig.rows(
      'SELECT path, size, mtime_ms, sha256, recordings, bytes, wavs, receipts FROM extracted_tars ORDER BY path',
    ),
  ).toEqual(tars);
  expect(await audit('--receipts')).toMatchObject({
    code: 0,
    checked: recordings,
    same: recordings,
    receipts: 3,
  });
});
