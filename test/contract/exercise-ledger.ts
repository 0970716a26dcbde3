import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import type { Cursor, Ledger, PageOf } from '../../src/domain/ledger.ts';
import type { RecordingRow, UploadReceipt } from '../../src/domain/recording.ts';
import type { ReceiptIntent, TarVersion } from '../../src/domain/tar.ts';
import { everyPage } from '../../src/platform/paging/index.ts';
import { commitTar, WAV } from '../support/commit-tar.ts';

/** An empty store that ledgers are opened on, as many at once as a test likes; `maxRetries` is 5. */
export interface EmptyStore extends AsyncDisposable {
  open(): Promise<Ledger>;
}

const TAR: TarVersion = { path: '/in/a.tar', size: 10, mtimeMs: 1000 };
const paths = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `/x/${i + 1}.wav`);
const withOwnBytes = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((path) => [path, path]));
const answer = (path: string, sha256 = path): UploadReceipt => ({
  key: path.slice(1),
  size: 5,
  sha256,
  etag: 'e',
  versionId: undefined,
});

/** What every ledger keeps, whatever it is written in. It knows no SQL. */
export function exerciseLedger(name: string, emptyStore: () => Promise<EmptyStore>): void {
  describe(name, () => {
    let store: EmptyStore;
    let ledger: Ledger;
    beforeEach(async () => {
      store = await emptyStore();
      ledger = await store.open();
    });
    afterEach(async () => {
      await ledger.close();
      await store[Symbol.asyncDispose]();
    });

    const row = async (path: string): Promise<RecordingRow> => {
      const found = await ledger.recordings.get(path);
      if (found === undefined) throw new Error(`no row for ${path}`);
      return found;
    };
    const stored = (path: string, sha256?: string): Promise<void> =>
      ledger.recordings.stored(path, answer(path, sha256));
    const storedAll = (all: readonly string[]): Promise<unknown> =>
      Promise.all(all.map((path) => stored(path)));
    const fail = (path: string, retryCount = 0, cause: 'network' | 'rejected' = 'network'): Promise<void> =>
      ledger.recordings.failed(path, { cause, message: `${cause} of ${path}`, retryCount });
    const units = async (limit = 100): Promise<readonly (readonly string[])[]> => {
      const pages = everyPage((after) => ledger.recordings.openUnits({ after, limit }));
      return (await Array.fromAsync(pages)).flat().map((unit) => unit.paths);
    };

    describe('tars', () => {
      test('a committed tar says what it held, and every recording has its row', async () => {
        await commitTar(
          ledger,
          TAR,
          { '/x/a.wav': { sha256: 'aa', size: 7, member: 'a.wav' } },
          { skipped: 3 },
        );
        expect(await ledger.tars.get(TAR.path)).toMatchObject({
          ...TAR,
          sha256: 'f',
          recordings: 1,
          bytes: 7,
          skipped: 3,
          refused: 0,
          shared: [],
          wavs: 1,
          receipts: [],
        });
        expect(await row('/x/a.wav')).toMatchObject({
          path: '/x/a.wav',
          status: 'PENDING',
          retryCount: 0,
          tar: TAR.path,
          member: 'a.wav',
          size: 7,
          sha256: 'aa',
          wav: WAV,
          tarMtimeMs: TAR.mtimeMs,
        });
        expect((await row('/x/a.wav')).timestamp).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
        expect(await ledger.tars.get('/in/other.tar')).toBeUndefined();
      });

      test('it is settled in that version only', async () => {
        await commitTar(ledger, TAR, {});
        const others = [
          { ...TAR, size: 11 },
          { ...TAR, mtimeMs: 1001 },
          { ...TAR, path: '/in/b.tar' },
        ];
        expect(await ledger.tars.settled([TAR, ...others])).toEqual(new Set([TAR.path]));
        expect(await ledger.tars.settled(others)).toEqual(new Set());
        expect(await ledger.tars.settled([])).toEqual(new Set());
      });

      test('names of every letter and length are kept byte for byte, and told apart', async () => {
        const odd = [
          '/x/A.wav',
          '/x/a.wav',
          '/x/a.wav ',
          '/x/ä.wav',
          '/x/ä.wav',
          '/x/\'%_\\"\n\t.wav',
          `/x/${'ü'.repeat(900)}.wav`,
        ];
        await commitTar(ledger, TAR, withOwnBytes(odd));
        for (const path of odd) expect(await row(path)).toMatchObject({ path, sha256: path });
        expect(new Set((await units()).flat())).toEqual(new Set(odd));
      });

      test('P5: a place that another recording has got meanwhile is refused, and nothing of the tar is written', async () => {
        await commitTar(ledger, TAR, { '/x/b.wav': 'bb' });
        const late = commitTar(
          ledger,
          { ...TAR, path: '/in/b.tar' },
          { '/x/a.wav': 'aa', '/x/b.wav': 'other' },
        );
        expect(await late.catch(faultCode)).toBe('PLACE_TAKEN');
        expect(await ledger.tars.get('/in/b.tar')).toBeUndefined();
        expect(await ledger.recordings.get('/x/a.wav')).toBeUndefined();
        expect(await row('/x/b.wav')).toMatchObject({ sha256: 'bb', tar: TAR.path });
      });

      test('committing again keeps what is in the store, and brings back what is not', async () => {
        const recordings = { '/x/a.wav': 'a', '/x/b.wav': 'b', '/x/c.wav': 'c' };
        await commitTar(ledger, TAR, recordings);
        await stored('/x/a.wav', 'a');
        await fail('/x/b.wav', 5);
        await fail('/x/c.wav', 2);
        expect(await ledger.tars.progress(TAR.path)).toEqual({
          PENDING: 0,
          SUCCESS: 1,
          retrying: 1,
          givenUp: 1,
        });
        expect(await commitTar(ledger, TAR, recordings)).toEqual({ known: 3 });
        expect(await row('/x/a.wav')).toMatchObject({ status: 'SUCCESS', etag: 'e' });
        expect(await row('/x/b.wav')).toMatchObject({ status: 'PENDING', cause: undefined, retryCount: 0 });
        // for an upload that found its file changed it was one of its retries
        expect(await row('/x/c.wav')).toMatchObject({
          status: 'PENDING',
          errorMessage: undefined,
          retryCount: 3,
        });
      });

      test('a recording that another tar brought already counts for both tars', async () => {
        await commitTar(ledger, TAR, { '/x/a.wav': 'a' });
        const copy = { ...TAR, path: '/in/b.tar', mtimeMs: 2000 };
        expect(await commitTar(ledger, copy, { '/x/a.wav': 'a' })).toEqual({ known: 1 });
        expect(await ledger.tars.get(copy.path)).toMatchObject({ shared: ['/x/a.wav'], wavs: 1 });
        expect((await ledger.tars.progress(copy.path)).PENDING).toBe(1);
        await stored('/x/a.wav', 'a');
        expect(await ledger.tars.progress(copy.path)).toEqual({
          PENDING: 0,
          SUCCESS: 1,
          retrying: 0,
          givenUp: 0,
        });
        expect(await ledger.tars.progress('/in/none.tar')).toEqual({
          PENDING: 0,
          SUCCESS: 0,
          retrying: 0,
          givenUp: 0,
        });
      });

      test('a member that was refused has a row that says why, and is never tried again', async () => {
        await ledger.tars.commit(TAR, {
          recordings: [],
          refused: [{ path: `${TAR.path}#../x.wav`, member: '../x.wav', reason: 'it points outside' }],
          summary: { sha256: 'f', skipped: 0, refused: 1, recordings: 0, bytes: 0, batchSize: 1 },
        });
        expect(await row(`${TAR.path}#../x.wav`)).toMatchObject({
          status: 'FAILED',
          cause: 'refused',
          errorMessage: 'it points outside',
        });
        expect(await units()).toEqual([]);
        expect(await ledger.catalogue.counts()).toMatchObject({ FAILED: 1, givenUp: 1, failedTars: 0 });
        expect(await ledger.catalogue.lackingRows()).toEqual([]);
      });

      test('a failed tar is settled for that version once it is given up, and its failure goes when a version is committed', async () => {
        const failure = { cause: 'corrupt', message: 'no', retryCount: 2 } as const;
        await ledger.tars.fail(TAR, failure);
        expect(await ledger.tars.settled([TAR])).toEqual(new Set());
        await ledger.tars.fail(TAR, { ...failure, retryCount: 5 });
        expect(await ledger.tars.failure(TAR.path)).toMatchObject({
          ...TAR,
          cause: 'corrupt',
          errorMessage: 'no',
          retryCount: 5,
        });
        expect(await ledger.catalogue.counts()).toMatchObject({
          FAILED: 0,
          failedTars: 1,
          givenUpTars: 1,
          extractedTars: 0,
        });
        expect(await ledger.tars.settled([TAR, { ...TAR, size: 11 }])).toEqual(new Set([TAR.path]));
        expect(await ledger.recordings.get(TAR.path)).toBeUndefined();
        await commitTar(ledger, { ...TAR, size: 11 }, { '/x/a.wav': 'a' });
        expect(await ledger.tars.failure(TAR.path)).toBeUndefined();
        await ledger.tars.fail({ ...TAR, size: 12 }, failure);
        await ledger.tars.forgetFailure(TAR.path);
        expect(await ledger.tars.failure(TAR.path)).toBeUndefined();
      });

      test('a tar that was given up because it was not there, and lies there again, is not settled', async () => {
        await ledger.tars.fail(TAR, { cause: 'missing', message: 'it is not there', retryCount: 5 });
        expect(await ledger.tars.settled([TAR])).toEqual(new Set());
      });

      test('failed tars come by path, in pages, those that a filter takes', async () => {
        const names = ['/in/b.tar', '/in/a-b.tar', '/in/a/b.tar', '/in/B.tar'];
        for (const path of names)
          await ledger.tars.fail(
            { ...TAR, path },
            { cause: path.includes('B') ? 'network' : 'corrupt', message: path, retryCount: 0 },
          );
        const walk = (filter = {}, limit = 3) =>
          Array.fromAsync(everyPage((after) => ledger.tars.failed(filter, { after, limit })));
        expect((await walk()).flat().map(({ path }) => path)).toEqual([
          '/in/B.tar',
          '/in/a-b.tar',
          '/in/a/b.tar',
          '/in/b.tar',
        ]);
        expect((await walk({ cause: 'network' })).flat().map(({ path }) => path)).toEqual(['/in/B.tar']);
        expect((await walk({ paths: ['/in/b.tar', '/in/none'] })).flat()).toHaveLength(1);
        expect((await walk({ since: '2999-01-01 00:00:00' })).flat()).toEqual([]);
        await commitTar(ledger, { ...TAR, path: '/in/c.tar' }, {});
        const known = (await Array.fromAsync(ledger.tars.paths())).flat();
        expect(new Set(known)).toEqual(new Set([...names, '/in/c.tar']));
      });

      test('occupants are told for many paths at once, and of those alone that have a row', async () => {
        const many = paths(3000);
        await commitTar(ledger, TAR, withOwnBytes(many));
        await stored('/x/2.wav');
        const found = await ledger.tars.occupants(['/x/none.wav', ...many]);
        expect(found.size).toBe(3000);
        expect(found.get('/x/1.wav')).toEqual({ sha256: '/x/1.wav', size: 5, status: 'PENDING' });
        expect(found.get('/x/2.wav')?.status).toBe('SUCCESS');
        expect(await ledger.tars.occupants([])).toEqual(new Map());
      });

      test('20,000 recordings of one tar are one commit: nobody sees a part of them', async () => {
        const other = await store.open();
        const pages = Array.from({ length: 40 }, (_, page) =>
          Array.from({ length: 500 }, (_, i) => ({
            path: `/x/${page}-${i}.wav`,
            member: `${i}.wav`,
            size: 5,
            sha256: `${page}-${i}`,
            wav: WAV,
          })),
        );
        const summary = {
          sha256: 'f',
          skipped: 0,
          refused: 0,
          recordings: 20_000,
          bytes: 100_000,
          batchSize: 16,
        };
        const committing = ledger.tars.commit(TAR, { recordings: pages, refused: [], summary });
        let isOver = false;
        void committing.finally(() => (isOver = true));
        const seen = new Set<number>();
        while (!isOver) {
          seen.add((await other.recordings.backlog()).recordings);
          await setImmediate();
        }
        seen.add((await other.recordings.backlog()).recordings);
        await committing;
        for (const count of seen) expect([0, 20_000]).toContain(count);
        expect(await other.recordings.openUnitCount()).toBe(1250);
        await other.close();
      });
    });

    describe('recordings', () => {
      test('those that share an upload job are one unit until they fail, are re-queued or lose their object', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(5)), { batchSize: 2 });
        const size = async (): Promise<readonly number[]> =>
          (await units()).map(({ length }) => length).toSorted((a, b) => a - b);
        expect(await units()).toEqual([['/x/1.wav', '/x/2.wav'], ['/x/3.wav', '/x/4.wav'], ['/x/5.wav']]);
        expect(await ledger.recordings.openUnitCount()).toBe(3);
        await fail('/x/2.wav');
        await fail('/x/3.wav', 5, 'rejected');
        expect(await size()).toEqual([1, 1, 1, 1]);
        expect(await ledger.recordings.openUnitCount()).toBe(4); // what was given up needs none
        await ledger.recordings.requeue(['/x/2.wav', '/x/3.wav']);
        await storedAll(['/x/1.wav', '/x/5.wav']);
        expect(new Set((await units()).flat())).toEqual(new Set(['/x/2.wav', '/x/3.wav', '/x/4.wav']));
        expect(await ledger.recordings.openUnitCount()).toBe(3);
        expect(await ledger.recordings.reopen('/x/5.wav')).toBe(true);
        expect(await ledger.recordings.reopen('/x/4.wav')).toBe(false);
        expect(await row('/x/5.wav')).toMatchObject({ status: 'PENDING', batch: undefined, retryCount: 0 });
        expect(await ledger.recordings.openUnitCount()).toBe(4);
      });

      test('a tar that is committed again leaves every recording the job that it has, and a new one joins none of them', async () => {
        const four = withOwnBytes(paths(4));
        await commitTar(ledger, TAR, four, { batchSize: 2 });
        await fail('/x/4.wav');
        await commitTar(ledger, TAR, { ...four, '/x/5.wav': '5', '/x/6.wav': '6' }, { batchSize: 4 });
        const found = await ledger.recordings.openUnits({ limit: 100 });
        expect(new Set(found.rows.map((unit) => unit.paths.join()))).toEqual(
          new Set(['/x/1.wav,/x/2.wav', '/x/3.wav', '/x/4.wav', '/x/5.wav,/x/6.wav']),
        );
        const names = found.rows.map(({ batch, paths: [path] }) =>
          batch === undefined ? path : `${batch.tar} ${batch.number}`,
        );
        expect(new Set(names).size).toBe(4);
      });

      test.each([1, 2, 5, 7, 100])(
        'pages of %i never divide a unit, and every recording comes once',
        async (limit) => {
          await commitTar(ledger, TAR, withOwnBytes(paths(11)), { batchSize: 3 });
          await commitTar(ledger, { ...TAR, path: '/in/b.tar' }, { '/x/alone.wav': 'alone' });
          const pages = await Array.fromAsync(
            everyPage((after) => ledger.recordings.openUnits({ after, limit })),
          );
          const found = pages.flat().map((unit) => [...unit.paths]);
          expect(found.map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 3, 3]);
          expect(found.flat().toSorted()).toEqual([...paths(11), '/x/alone.wav'].toSorted());
          const ofTar = everyPage((after) => ledger.recordings.pendingUnits(TAR.path, { after, limit }));
          expect(
            (await Array.fromAsync(ofTar))
              .flat()
              .flatMap((unit) => unit.paths)
              .toSorted(),
          ).toEqual(paths(11).toSorted());
        },
      );

      test('a unit says whose it is, how old its tar is and how large its recordings are', async () => {
        await commitTar(
          ledger,
          TAR,
          { '/x/a.wav': { sha256: 'a', size: 3 }, '/x/b.wav': { sha256: 'b', size: 4 } },
          { batchSize: 2 },
        );
        await commitTar(ledger, { ...TAR, path: '/in/b.tar', mtimeMs: 2000 }, { '/x/c.wav': 'c' });
        const { rows } = await ledger.recordings.openUnits({ limit: 10 });
        expect(rows).toEqual([
          {
            paths: ['/x/a.wav', '/x/b.wav'],
            batch: { tar: TAR.path, number: 0 },
            tarMtimeMs: 1000,
            sizes: [3, 4],
          },
          { paths: ['/x/c.wav'], batch: undefined, tarMtimeMs: 2000, sizes: [5] },
        ]);
      });

      test('what is open is PENDING, or FAILED and below the limit; a failed tar is none', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(5)));
        await stored('/x/1.wav');
        await fail('/x/2.wav', 4);
        await fail('/x/3.wav', 5);
        await ledger.tars.fail(
          { ...TAR, path: '/in/b.tar' },
          { cause: 'corrupt', message: 'no', retryCount: 0 },
        );
        expect((await units(2)).flat().toSorted()).toEqual(['/x/2.wav', '/x/4.wav', '/x/5.wav']);
        expect(await ledger.recordings.backlog()).toEqual({ recordings: 2, bytes: 10 });
      });

      test('what is SUCCESS is no failure’s to change, and says where it lies', async () => {
        await commitTar(ledger, TAR, { '/x/a.wav': 'a' });
        await ledger.recordings.stored('/x/a.wav', { ...answer('/x/a.wav', 'a'), versionId: 'v1' });
        await fail('/x/a.wav', 5);
        expect(await row('/x/a.wav')).toMatchObject({
          status: 'SUCCESS',
          key: 'x/a.wav',
          versionId: 'v1',
          cause: undefined,
        });
        expect(await ledger.recordings.byKey('x/a.wav')).toMatchObject({ path: '/x/a.wav' });
        expect(await ledger.recordings.byKey('x/none')).toBeUndefined();
        await stored('/x/a.wav', 'a'); // an outcome that was not known is repeated
        expect((await row('/x/a.wav')).status).toBe('SUCCESS');
      });

      test('re-queueing gives a fresh budget to FAILED rows alone', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(2)));
        await fail('/x/1.wav', 5);
        expect(await ledger.recordings.requeue(['/x/1.wav', '/x/2.wav', '/x/none.wav'])).toBe(1);
        expect(await row('/x/1.wav')).toMatchObject({
          status: 'PENDING',
          retryCount: 0,
          errorMessage: undefined,
        });
        expect(await ledger.recordings.requeue([])).toBe(0);
      });

      test('rows of many paths come in the order of the paths', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(3)));
        const rows = await ledger.recordings.many(['/x/3.wav', '/x/none.wav', '/x/1.wav']);
        expect(rows.map(({ path }) => path)).toEqual(['/x/3.wav', '/x/1.wav']);
      });

      test('failures come in pages, those that a filter takes, each with the place behind it', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(7)));
        for (const path of paths(7).slice(1))
          await fail(path, 0, path === '/x/5.wav' ? 'rejected' : 'network');
        const walk = (filter = {}, from?: Cursor) =>
          Array.fromAsync(
            everyPage((after) => ledger.recordings.failures(filter, { after, limit: 2 }), from),
          );
        const all = (await walk()).flat();
        expect(new Set(all.map(({ row }) => row.path))).toEqual(new Set(paths(7).slice(1)));
        expect((await walk({}, all[2]?.cursor)).flat()).toEqual(all.slice(3));
        expect((await walk({ cause: 'rejected' })).flat().map(({ row }) => row.path)).toEqual(['/x/5.wav']);
        expect((await walk({ paths: ['/x/2.wav', '/x/1.wav'] })).flat().map(({ row }) => row.path)).toEqual([
          '/x/2.wav',
        ]);
        expect((await walk({ since: '2999-01-01 00:00:00' })).flat()).toEqual([]);
        expect(await ledger.catalogue.causes()).toEqual([
          { cause: 'network', recordings: 5 },
          { cause: 'rejected', recordings: 1 },
        ]);
      });

      test('two ledgers on one store write at once, in any order, and lose nothing', async () => {
        const other = await store.open();
        const many = paths(400);
        await commitTar(ledger, TAR, withOwnBytes(many));
        const [one, two] = [ledger, other].map(({ recordings }) => recordings);
        await Promise.all([
          ...many.map((path) => one?.stored(path, answer(path))),
          ...many.toReversed().map((path) => two?.stored(path, answer(path))),
        ]);
        expect(await other.catalogue.counts()).toMatchObject({ SUCCESS: 400, PENDING: 0 });
        await other.close();
      });

      test('a cursor of another list is refused', async () => {
        const read = (after: Cursor): Promise<PageOf<unknown>> =>
          ledger.recordings.openUnits({ after, limit: 1 });
        expect(await read('nonsense').catch(faultCode)).toBe('USAGE');
      });
    });

    describe('receipts', () => {
      const intent = (seq: number): ReceiptIntent => ({
        seq,
        previous: null,
        key: `${seq}.json`,
        sha256: `r${seq}`,
        tarSha256: 'f',
      });
      const due = async (before?: string): Promise<readonly string[]> =>
        (await ledger.receipts.due({ limit: 10, before })).rows.map(({ path }) => path);
      const recordingsOf = async (path: string): Promise<readonly string[]> => {
        const tar = await ledger.tars.get(path);
        if (tar === undefined) throw new Error(`no row for ${path}`);
        return (await Array.fromAsync(ledger.receipts.recordingsOf(tar))).flat().map((one) => one.path);
      };

      test('a receipt is due when all recordings of a tar are in the bucket, those of other tars included', async () => {
        await commitTar(ledger, TAR, { '/x/a.wav': 'a' });
        await commitTar(ledger, { ...TAR, path: '/in/b.tar' }, { '/x/a.wav': 'a', '/x/b.wav': 'b' });
        expect(await due()).toEqual([]);
        await stored('/x/b.wav', 'b');
        expect(await due()).toEqual([]);
        await stored('/x/a.wav', 'a');
        expect(await due()).toEqual(['/in/a.tar', '/in/b.tar']);
        expect(await due('2000-01-01 00:00:00')).toEqual([]);
        expect((await recordingsOf('/in/b.tar')).toSorted()).toEqual(['/x/a.wav', '/x/b.wav']);
      });

      test('one receipt is written at a time, and its place in the chain is noted before it is put', async () => {
        for (const path of ['/in/a.tar', '/in/b.tar']) await commitTar(ledger, { ...TAR, path }, {});
        expect(await ledger.receipts.head()).toBeUndefined();
        expect(await ledger.receipts.begin('/in/a.tar', intent(1))).toBe(true);
        expect(await ledger.receipts.begin('/in/b.tar', intent(1))).toBe(false);
        expect(await ledger.receipts.begin('/in/a.tar', intent(1))).toBe(true); // under its next key
        expect(await ledger.receipts.pending()).toMatchObject({
          tar: { path: '/in/a.tar' },
          intent: intent(1),
        });
        await ledger.receipts.confirm('/in/a.tar', intent(1));
        expect(await ledger.receipts.pending()).toBeUndefined();
        expect(await ledger.receipts.begin('/in/b.tar', intent(2))).toBe(true);
        await ledger.receipts.withdraw('/in/b.tar');
        expect(await ledger.receipts.pending()).toBeUndefined();
        const { previous: _, ...receipt } = intent(1);
        expect(await ledger.receipts.head()).toEqual(receipt);
        expect((await ledger.tars.get('/in/a.tar'))?.receipts).toEqual([receipt]);
        expect(await due()).toEqual(['/in/b.tar']);
      });

      test('of many ledgers that begin a receipt at once, one may', async () => {
        const names = Array.from({ length: 8 }, (_, i) => `/in/${i}.tar`);
        for (const path of names) await commitTar(ledger, { ...TAR, path }, {});
        const other = await store.open();
        const begun = await Promise.all(
          names.map((path, i) => (i % 2 === 0 ? ledger : other).receipts.begin(path, intent(1))),
        );
        expect(begun.filter(Boolean)).toHaveLength(1);
        await other.close();
      });

      test('a new version of a tar is due again, and its recordings are its own', async () => {
        await commitTar(ledger, TAR, { '/x/a.wav': 'a' });
        await stored('/x/a.wav', 'a');
        await ledger.receipts.begin(TAR.path, intent(1));
        await ledger.receipts.confirm(TAR.path, intent(1));
        expect(await due()).toEqual([]);
        await commitTar(ledger, { ...TAR, mtimeMs: 2000 }, { '/x/b.wav': 'b' }, { sha256: 'g' });
        await stored('/x/b.wav', 'b');
        expect(await due()).toEqual([TAR.path]);
        expect(await recordingsOf(TAR.path)).toEqual(['/x/b.wav']);
      });

      test('cleanup is due once all is in the bucket, for each of the two kinds once', async () => {
        await commitTar(ledger, TAR, { '/x/a.wav': 'a' });
        const request = {
          what: 'extracted',
          before: '2999-01-01 00:00:00',
          withReceipt: false,
          limit: 10,
        } as const;
        const dueFor = async (over: object): Promise<number> =>
          (await ledger.receipts.dueForCleanup({ ...request, ...over })).rows.length;
        expect(await dueFor({})).toBe(0);
        await stored('/x/a.wav', 'a');
        expect(await dueFor({})).toBe(1);
        expect(await dueFor({ before: '2000-01-01 00:00:00' })).toBe(0);
        expect(await dueFor({ withReceipt: true })).toBe(0);
        await ledger.receipts.markCleaned(TAR.path, 'extracted');
        expect(await dueFor({})).toBe(0);
        expect(await dueFor({ what: 'incoming' })).toBe(1);
      });
    });

    describe('catalogue', () => {
      test('the pages of a list hold each row once, the newest change first, also while others change', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(60)));
        await storedAll(paths(60).slice(0, 30));
        const { rows: all } = await ledger.catalogue.list({ limit: 1000 });
        expect(all).toHaveLength(60);
        expect(all.map(({ timestamp }) => timestamp)).toEqual(
          all
            .map(({ timestamp }) => timestamp)
            .toSorted()
            .toReversed(),
        );
        const pages = everyPage((after) => ledger.catalogue.list({ after, limit: 7 }));
        const seen: string[] = [];
        for await (const page of pages) {
          seen.push(...page.map(({ path }) => path));
          await commitTar(
            ledger,
            { ...TAR, path: `/in/${seen.length}.tar` },
            { [`/new/${seen.length}.wav`]: 'n' },
          );
        }
        const older = new Set(all.map(({ path }) => path));
        expect(seen.filter((path) => older.has(path)).toSorted()).toEqual([...older].toSorted());
        const { rows } = await ledger.catalogue.list({ status: 'SUCCESS', limit: 1000 });
        expect(rows).toHaveLength(30);
      });

      test('a search is what a list has of that part, in its order, in whole and in pages', async () => {
        await commitTar(ledger, { ...TAR, path: '/in/50%_off.tar' }, withOwnBytes(paths(30)));
        await commitTar(
          ledger,
          { ...TAR, path: '/in/other.tar' },
          withOwnBytes(['/x/50%-1.wav', '/x/ü.wav']),
        );
        await storedAll(paths(10));
        for (const status of [undefined, 'SUCCESS'] as const) {
          const query = status === undefined ? {} : { status };
          const { rows: all } = await ledger.catalogue.list({ ...query, limit: 1000 });
          for (const part of ['.wav', '/x/1', '50%', '%', '_', 'other', 'ü', 'nobody', 'O']) {
            const having = all.filter(({ path, tar }) => path.includes(part) || tar?.includes(part) === true);
            const pages = everyPage((after) => ledger.catalogue.search({ ...query, part, limit: 4, after }));
            const found = (await Array.fromAsync(pages)).flat();
            expect(found, `${status} ${part}`).toEqual(having);
          }
        }
      });

      test('counts tell recordings from tars, and what waits for an operator since when', async () => {
        expect(await ledger.catalogue.counts()).toMatchObject({
          PENDING: 0,
          SUCCESS: 0,
          FAILED: 0,
          givenUpSince: undefined,
          pendingBytes: 0,
        });
        await commitTar(ledger, TAR, withOwnBytes(paths(4)));
        await stored('/x/1.wav');
        await fail('/x/2.wav', 1);
        await fail('/x/3.wav', 5);
        await ledger.tars.fail(
          { ...TAR, path: '/in/b.tar' },
          { cause: 'corrupt', message: 'no', retryCount: 5 },
        );
        const { timestamp } = await row('/x/3.wav');
        expect(await ledger.catalogue.counts()).toMatchObject({
          PENDING: 1,
          SUCCESS: 1,
          FAILED: 2,
          givenUp: 1,
          givenUpSince: timestamp,
          extractedTars: 1,
          failedTars: 1,
          givenUpTars: 1,
          pendingBytes: 5,
        });
      });

      test('what ended within a span: recordings alone, from its first second on and before its last', async () => {
        await commitTar(ledger, TAR, withOwnBytes(paths(3)));
        await stored('/x/1.wav');
        await fail('/x/2.wav', 1);
        await ledger.tars.fail(
          { ...TAR, path: '/in/b.tar' },
          { cause: 'corrupt', message: 'no', retryCount: 5 },
        );
        const { timestamp } = await row('/x/1.wav');
        const [past, all, none, future] = await ledger.catalogue.ended([
          { from: '2000-01-01 00:00:00', to: timestamp },
          { from: timestamp, to: '2999-01-01 00:00:00' },
          { from: timestamp, to: timestamp },
          { from: '2999-01-01 00:00:00', to: '2999-01-02 00:00:00' },
        ]);
        expect([past, none, future]).toEqual(Array.from({ length: 3 }, () => ({ SUCCESS: 0, FAILED: 0 })));
        expect(all).toEqual({ SUCCESS: 1, FAILED: 1 });
      });

      test('an audit has the uploaded rows by the bytes of their keys, as they were when it began', async () => {
        const names = [
          '/x/b.wav',
          '/x/a/c.wav',
          '/x/a-c.wav',
          '/x/B.wav',
          '/x/é.wav',
          '/x/\u{1F600}.wav',
          '/x/\uFF5E.wav',
        ];
        await commitTar(ledger, TAR, withOwnBytes([...names, '/x/pending.wav']));
        for (const path of names)
          await ledger.recordings.stored(path, { ...answer(path), key: path.slice(3) });
        const request = { prefix: '', extracted: '/x' };
        const list = await ledger.catalogue.audit(request);
        await ledger.recordings.reopen('/x/b.wav');
        const keys = (await Array.fromAsync(list.inKeyOrder())).flat().map(({ key }) => key);
        expect(list.rows).toBe(names.length);
        expect(keys).toEqual(
          names
            .map((path) => path.slice(3))
            .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
        );
        await list.close();
        const sample = await ledger.catalogue.audit({ ...request, sample: 2 });
        expect(sample.rows).toBe(2);
        expect((await Array.fromAsync(sample.inKeyOrder())).flat()).toHaveLength(2);
        await sample.close();
        const later = await ledger.catalogue.audit({ ...request, since: '2999-01-01 00:00:00' });
        expect(later.rows).toBe(0);
        await later.close();
      });

      test('what a receipt tells becomes rows, once, and changes none that is there', async () => {
        const receipt = { seq: 1, key: '1.json', sha256: 'r1', tarSha256: 'f' };
        const timestamp = '2025-09-01 02:00:00';
        const recordings = paths(2).map((path) => ({
          ...answer(path),
          path,
          member: path,
          durationMs: 7,
          timestamp,
        }));
        const restored = { ...TAR, sha256: 'f', timestamp, receipt, recordings };
        await commitTar(ledger, { ...TAR, path: '/in/b.tar' }, { '/x/1.wav': '/x/1.wav' });
        expect(await ledger.catalogue.restoreTar(restored)).toBe(1);
        expect(await ledger.catalogue.restoreTar(restored)).toBe(0);
        expect(await row('/x/1.wav')).toMatchObject({ status: 'PENDING', tar: '/in/b.tar' });
        expect(await row('/x/2.wav')).toMatchObject({ status: 'SUCCESS', timestamp, key: 'x/2.wav' });
        expect(await ledger.tars.get(TAR.path)).toMatchObject({
          sha256: 'f',
          shared: ['/x/1.wav'],
          wavs: 2,
          receipts: [receipt],
        });
        expect(await ledger.receipts.head()).toEqual(receipt);
        expect(await ledger.tars.settled([TAR])).toEqual(new Set([TAR.path]));
        expect(await ledger.catalogue.lackingRows()).toEqual([]);
      });
    });
  });
}
