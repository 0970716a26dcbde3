import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { auditReceipts, type ReceiptAuditDeps } from '../../../../src/operate/audit/audit-receipts.ts';
import type { RecordingRow } from '../../../../src/domain/recording.ts';
import type { TarReceipt } from '../../../../src/domain/tar.ts';

type Head = TarReceipt | undefined;

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Five receipts in a chain; `key` is where the listing has it. */
const chain: { key: string; text: string; head: TarReceipt }[] = [];
for (const seq of [1, 2, 3, 4, 5]) {
  const previous = chain.at(-1)?.head.sha256 ?? null;
  const tar = {
    path: `${seq}.tar`,
    size: 1,
    modified: '2025-09-01T00:00:00Z',
    sha256: sha256Of(`tar ${seq}`),
  };
  const text = JSON.stringify({
    format: 'wavspool-receipt/1',
    site: 'main',
    seq,
    previous,
    tar,
    recordings: [],
  });
  const key = `.receipts/${seq}.tar.json`;
  chain.push({ key, text, head: { seq, key, sha256: sha256Of(text), tarSha256: tar.sha256 } });
}
const headOf = (seq: number): Head => chain[seq - 1]?.head;

/** What an audit says of the receipts with these numbers, with state.db's last receipt as it is before the listing and after. */
async function said(listed: readonly number[], before: Head, after: Head): Promise<readonly string[]> {
  const heads = [before, after];
  const deps: ReceiptAuditDeps = {
    site: 'main',
    prefix: '',
    extracted: '/x',
    dueBefore: '2025-09-01 00:00:00',
    ledger: {
      recordings: { many: () => Promise.resolve([]), manyByKey: () => Promise.resolve([]) },
      receipts: {
        head: () => Promise.resolve(heads.shift()),
        due: () => Promise.resolve({ rows: [], next: undefined }),
      },
    },
    store: {
      list: async function* () {
        for (const seq of listed) yield { key: chain[seq - 1]?.key ?? '', size: 1, etag: 'e', modified: 0 };
      },
      get: (key) =>
        Promise.resolve(Readable.from([Buffer.from(chain.find((one) => one.key === key)?.text ?? '')])),
    },
  };
  const findings: string[] = [];
  for await (const { sign, reason } of auditReceipts(deps, AbortSignal.timeout(5000)))
    findings.push(`${sign} ${reason}`);
  return findings;
}

test('receipts that are written while the bucket is listed are not called missing', async () => {
  expect(await said([1, 2], headOf(2), headOf(5))).toEqual([]);
  expect(await said([1, 2, 3, 5], headOf(2), headOf(5))).toEqual([]); // the fourth came behind the listing
  expect(await said([], undefined, headOf(3))).toEqual([]);
  expect(await said([1, 2, 3], headOf(2), headOf(2))).toEqual([]); // written, and not yet known
});

test('one that was there before is missed all the same', async () => {
  expect(await said([1, 3, 4, 5], headOf(3), headOf(5))).toEqual(['* receipt 2 is missing']);
  expect(await said([1, 2], headOf(3), headOf(5))).toEqual([
    '- receipt 3 is missing: state.db knows 3 as the last',
  ]);
  expect(await said([1, 2, 3, 5], headOf(2), headOf(2))).toEqual(['* receipt 4 is missing']); // an old state.db
});

/** What an audit says of a receipt with one recording, of these rows. */
async function saidOf(
  key: string,
  sha256: string,
  rows: readonly RecordingRow[],
): Promise<readonly string[]> {
  const text = JSON.stringify({
    format: 'wavspool-receipt/1',
    site: 'main',
    seq: 1,
    previous: null,
    tar: { path: '1.tar', size: 1, modified: '2025-09-01T00:00:00Z', sha256: sha256Of('tar') },
    recordings: [
      {
        name: 'a.wav',
        key,
        size: 1,
        sha256,
        durationMs: null,
        etag: 'e',
        versionId: null,
        uploadedAt: '2025-09-01T00:00:00Z',
      },
    ],
  });
  const head = { seq: 1, key: '.receipts/1.tar.json', sha256: sha256Of(text), tarSha256: sha256Of('tar') };
  const deps: ReceiptAuditDeps = {
    site: 'main',
    prefix: '',
    extracted: '/x',
    dueBefore: '2025-09-01 00:00:00',
    ledger: {
      recordings: {
        many: (paths) => Promise.resolve(rows.filter(({ path }) => paths.includes(path))),
        manyByKey: (keys) => Promise.resolve(rows.filter((row) => keys.includes(row.key ?? ''))),
      },
      receipts: {
        head: () => Promise.resolve(head),
        due: () => Promise.resolve({ rows: [], next: undefined }),
      },
    },
    store: {
      list: async function* () {
        yield { key: head.key, size: 1, etag: 'e', modified: 0 };
      },
      get: () => Promise.resolve(Readable.from([Buffer.from(text)])),
    },
  };
  const findings: string[] = [];
  for await (const { sign, reason } of auditReceipts(deps, AbortSignal.timeout(5000)))
    findings.push(`${sign} ${reason}`);
  return findings;
}

const row = (path: string, key: string | undefined, sha256: string): RecordingRow => ({
  path,
  key,
  sha256,
  status: 'SUCCESS',
  timestamp: '2025-09-01 00:00:00',
  errorMessage: undefined,
  retryCount: 0,
  cause: undefined,
  tar: '/in/1.tar',
  member: 'a.wav',
  size: 1,
  etag: 'e',
  versionId: undefined,
  wav: undefined,
  source: undefined,
  tarMtimeMs: 1,
  batch: undefined,
});

test('a recording is found by its key, where another site’s recording has the key of its path', async () => {
  const [ours, theirs] = [sha256Of('ours'), sha256Of('theirs')];
  expect(await saidOf('1/a.wav', ours, [row('/x/a.wav', '1/a.wav', ours)])).toEqual([]);
  expect(await saidOf('a.wav', ours, [row('/x/a.wav', undefined, ours)])).toEqual([]); // a row that was taken over
  expect(await saidOf('a.wav', ours, [row('/x/a.wav', '1/a.wav', ours)])).toEqual([
    '! .receipts/1.tar.json names it, and no row knows it',
  ]);
  expect(await saidOf('1/a.wav', ours, [row('/x/a.wav', '1/a.wav', theirs)])).toEqual([
    `* .receipts/1.tar.json says SHA-256 ${ours}, its row says ${theirs}`,
  ]);
});
