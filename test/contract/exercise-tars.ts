import { describe, expect, test } from 'vitest';
import { setImmediate } from 'node:timers/promises';
import { faultCode } from '../../src/domain/faults.ts';
import { everyPage } from '../../src/platform/paging/index.ts';
import { commitTar, WAV } from '../support/commit-tar.ts';
import { paths, TAR, withOwnBytes, type Subject } from './ledger-subject.ts';

/** What a ledger keeps of tars. */
export function exerciseTars(it: Subject): void {
  describe('tars', () => {
    test('a committed tar says what it held, and every recording has its row', async () => {
      await commitTar(
        it.ledger,
        TAR,
        { '/x/a.wav': { sha256: 'aa', size: 7, member: 'a.wav' } },
        { skipped: 3 },
      );
      expect(await it.ledger.tars.get(TAR.path)).toMatchObject({
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
      expect(await it.row('/x/a.wav')).toMatchObject({
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
      expect((await it.row('/x/a.wav')).timestamp).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
      expect(await it.ledger.tars.get('/in/other.tar')).toBeUndefined();
    });

    test('where the bytes of a recording lie is kept, and is what the last extraction of it says', async () => {
      const source = { tar: TAR.path, offset: 5_000_000_000 };
      await commitTar(it.ledger, TAR, {
        '/x/a.wav': { sha256: 'aa', source },
        '/x/b.wav': 'bb',
        '/x/c.wav': { sha256: 'cc', source },
      });
      expect(await it.row('/x/a.wav')).toMatchObject({ source });
      expect((await it.row('/x/b.wav')).source).toBeUndefined();
      const other = { ...TAR, path: '/in/b.tar' };
      const there = { tar: other.path, offset: 512 };
      await commitTar(it.ledger, other, {
        '/x/a.wav': { sha256: 'aa', source: there },
        '/x/b.wav': { sha256: 'bb', source: there },
        '/x/c.wav': 'cc',
      });
      expect(await it.row('/x/a.wav')).toMatchObject({ tar: TAR.path, source: there });
      expect(await it.row('/x/b.wav')).toMatchObject({ tar: TAR.path, source: there });
      expect((await it.row('/x/c.wav')).source).toBeUndefined();
    });

    test('a recording that is stored keeps the place of its bytes, whatever brings them again', async () => {
      const source = { tar: TAR.path, offset: 512 };
      await commitTar(it.ledger, TAR, { '/x/a.wav': { sha256: 'aa', source } });
      const receipt = { key: 'x/a.wav', size: 5, sha256: 'aa', etag: 'e', versionId: undefined };
      await it.ledger.recordings.stored('/x/a.wav', receipt);
      await commitTar(it.ledger, { ...TAR, path: '/in/b.tar' }, { '/x/a.wav': 'aa' });
      expect(await it.row('/x/a.wav')).toMatchObject({ status: 'SUCCESS', source });
    });

    test('it is settled in that version only', async () => {
      await commitTar(it.ledger, TAR, {});
      const others = [
        { ...TAR, size: 11 },
        { ...TAR, mtimeMs: 1001 },
        { ...TAR, path: '/in/b.tar' },
      ];
      expect(await it.ledger.tars.settled([TAR, ...others])).toEqual(new Set([TAR.path]));
      expect(await it.ledger.tars.settled(others)).toEqual(new Set());
      expect(await it.ledger.tars.settled([])).toEqual(new Set());
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
      await commitTar(it.ledger, TAR, withOwnBytes(odd));
      for (const path of odd) expect(await it.row(path)).toMatchObject({ path, sha256: path });
      expect(new Set((await it.units()).flat())).toEqual(new Set(odd));
    });

    test('P5: a place that another recording has got meanwhile is refused, and nothing of the tar is written', async () => {
      await commitTar(it.ledger, TAR, { '/x/b.wav': 'bb' });
      const late = commitTar(
        it.ledger,
        { ...TAR, path: '/in/b.tar' },
        { '/x/a.wav': 'aa', '/x/b.wav': 'other' },
      );
      expect(await late.catch(faultCode)).toBe('PLACE_TAKEN');
      expect(await it.ledger.tars.get('/in/b.tar')).toBeUndefined();
      expect(await it.ledger.recordings.get('/x/a.wav')).toBeUndefined();
      expect(await it.row('/x/b.wav')).toMatchObject({ sha256: 'bb', tar: TAR.path });
    });

    test('committing again keeps what is in the store, and brings back what is not', async () => {
      const recordings = { '/x/a.wav': 'a', '/x/b.wav': 'b', '/x/c.wav': 'c' };
      await commitTar(it.ledger, TAR, recordings);
      await it.stored('/x/a.wav', 'a');
      await it.fail('/x/b.wav', 5);
      await it.fail('/x/c.wav', 2);
      expect(await it.ledger.tars.progress(TAR.path)).toEqual({
        PENDING: 0,
        SUCCESS: 1,
        retrying: 1,
        givenUp: 1,
      });
      expect(await commitTar(it.ledger, TAR, recordings)).toEqual({ known: 3 });
      expect(await it.row('/x/a.wav')).toMatchObject({ status: 'SUCCESS', etag: 'e' });
      expect(await it.row('/x/b.wav')).toMatchObject({ status: 'PENDING', cause: undefined, retryCount: 0 });
      // for an upload that found its file changed it was one of its retries
      expect(await it.row('/x/c.wav')).toMatchObject({
        status: 'PENDING',
        errorMessage: undefined,
        retryCount: 3,
      });
    });

    test('a recording that another tar brought already counts for both tars', async () => {
      await commitTar(it.ledger, TAR, { '/x/a.wav': 'a' });
      const copy = { ...TAR, path: '/in/b.tar', mtimeMs: 2000 };
      expect(await commitTar(it.ledger, copy, { '/x/a.wav': 'a' })).toEqual({ known: 1 });
      expect(await it.ledger.tars.get(copy.path)).toMatchObject({ shared: ['/x/a.wav'], wavs: 1 });
      expect((await it.ledger.tars.progress(copy.path)).PENDING).toBe(1);
      await it.stored('/x/a.wav', 'a');
      expect(await it.ledger.tars.progress(copy.path)).toEqual({
        PENDING: 0,
        SUCCESS: 1,
        retrying: 0,
        givenUp: 0,
      });
      expect(await it.ledger.tars.progress('/in/none.tar')).toEqual({
        PENDING: 0,
        SUCCESS: 0,
        retrying: 0,
        givenUp: 0,
      });
    });

    test('a member that was refused has a row that says why, and is never tried again', async () => {
      await it.ledger.tars.commit(TAR, {
        recordings: [],
        refused: [{ path: `${TAR.path}#../x.wav`, member: '../x.wav', reason: 'it points outside' }],
        summary: { sha256: 'f', skipped: 0, refused: 1, recordings: 0, bytes: 0, batchSize: 1 },
      });
      expect(await it.row(`${TAR.path}#../x.wav`)).toMatchObject({
        status: 'FAILED',
        cause: 'refused',
        errorMessage: 'it points outside',
      });
      expect(await it.units()).toEqual([]);
      expect(await it.ledger.catalogue.counts()).toMatchObject({ FAILED: 1, givenUp: 1, failedTars: 0 });
      expect(await it.ledger.catalogue.lackingRows()).toEqual([]);
    });

    test('a failed tar is settled for that version once it is given up, and its failure goes when a version is committed', async () => {
      const failure = { cause: 'corrupt', message: 'no', retryCount: 2 } as const;
      await it.ledger.tars.fail(TAR, failure);
      expect(await it.ledger.tars.settled([TAR])).toEqual(new Set());
      await it.ledger.tars.fail(TAR, { ...failure, retryCount: 5 });
      expect(await it.ledger.tars.failure(TAR.path)).toMatchObject({
        ...TAR,
        cause: 'corrupt',
        errorMessage: 'no',
        retryCount: 5,
      });
      expect(await it.ledger.catalogue.counts()).toMatchObject({
        FAILED: 0,
        failedTars: 1,
        givenUpTars: 1,
        extractedTars: 0,
      });
      expect(await it.ledger.tars.settled([TAR, { ...TAR, size: 11 }])).toEqual(new Set([TAR.path]));
      expect(await it.ledger.recordings.get(TAR.path)).toBeUndefined();
      await commitTar(it.ledger, { ...TAR, size: 11 }, { '/x/a.wav': 'a' });
      expect(await it.ledger.tars.failure(TAR.path)).toBeUndefined();
      await it.ledger.tars.fail({ ...TAR, size: 12 }, failure);
      await it.ledger.tars.forgetFailure(TAR.path);
      expect(await it.ledger.tars.failure(TAR.path)).toBeUndefined();
    });

    test('a tar that was given up because it was not there, and lies there again, is not settled', async () => {
      await it.ledger.tars.fail(TAR, { cause: 'missing', message: 'it is not there', retryCount: 5 });
      expect(await it.ledger.tars.settled([TAR])).toEqual(new Set());
    });

    test('failed tars come by path, in pages, those that a filter takes', async () => {
      const names = ['/in/b.tar', '/in/a-b.tar', '/in/a/b.tar', '/in/B.tar'];
      for (const path of names)
        await it.ledger.tars.fail(
          { ...TAR, path },
          { cause: path.includes('B') ? 'network' : 'corrupt', message: path, retryCount: 0 },
        );
      const walk = (filter = {}, limit = 3) =>
        Array.fromAsync(everyPage((after) => it.ledger.tars.failed(filter, { after, limit })));
      expect((await walk()).flat().map(({ path }) => path)).toEqual([
        '/in/B.tar',
        '/in/a-b.tar',
        '/in/a/b.tar',
        '/in/b.tar',
      ]);
      expect((await walk({ cause: 'network' })).flat().map(({ path }) => path)).toEqual(['/in/B.tar']);
      expect((await walk({ paths: ['/in/b.tar', '/in/none'] })).flat()).toHaveLength(1);
      expect((await walk({ since: '2999-01-01 00:00:00' })).flat()).toEqual([]);
      await commitTar(it.ledger, { ...TAR, path: '/in/c.tar' }, {});
      const known = (await Array.fromAsync(it.ledger.tars.paths())).flat();
      expect(new Set(known)).toEqual(new Set([...names, '/in/c.tar']));
    });

    test('occupants are told for many paths at once, and of those alone that have a row', async () => {
      const many = paths(3000);
      await commitTar(it.ledger, TAR, withOwnBytes(many));
      await it.stored('/x/2.wav');
      const found = await it.ledger.tars.occupants(['/x/none.wav', ...many]);
      expect(found.size).toBe(3000);
      expect(found.get('/x/1.wav')).toEqual({ sha256: '/x/1.wav', size: 5, status: 'PENDING' });
      expect(found.get('/x/2.wav')?.status).toBe('SUCCESS');
      expect(await it.ledger.tars.occupants([])).toEqual(new Map());
    });

    test('20,000 recordings of one tar are one commit: no reader sees a part of them', async () => {
      const other = await it.open();
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
      const committing = it.ledger.tars.commit(TAR, { recordings: pages, refused: [], summary });
      const over = new AbortController();
      void committing.finally(() => over.abort());
      const seen = new Set<number>();
      while (!over.signal.aborted) {
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
}
