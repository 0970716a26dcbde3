import { describe, expect, test } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import type { Cursor } from '../../src/domain/ledger.ts';
import { everyPage } from '../../src/platform/paging/index.ts';
import { commitTar } from '../support/commit-tar.ts';
import { answer, paths, TAR, withOwnBytes, type Subject } from './ledger-subject.ts';

/** What a ledger keeps of recordings. */
export function exerciseRecordings(it: Subject): void {
  describe('recordings', () => {
    test('those that share an upload job are one unit until they fail, are re-queued or lose their object', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(5)), { batchSize: 2 });
      const size = async (): Promise<readonly number[]> =>
        (await it.units()).map(({ length }) => length).toSorted((a, b) => a - b);
      expect(await it.units()).toEqual([['/x/1.wav', '/x/2.wav'], ['/x/3.wav', '/x/4.wav'], ['/x/5.wav']]);
      expect(await it.ledger.recordings.openUnitCount()).toBe(3);
      await it.fail('/x/2.wav');
      await it.fail('/x/3.wav', 5, 'rejected');
      expect(await size()).toEqual([1, 1, 1, 1]);
      expect(await it.ledger.recordings.openUnitCount()).toBe(4); // what was given up needs none
      await it.ledger.recordings.requeue(['/x/2.wav', '/x/3.wav']);
      await it.storedAll(['/x/1.wav', '/x/5.wav']);
      expect(new Set((await it.units()).flat())).toEqual(new Set(['/x/2.wav', '/x/3.wav', '/x/4.wav']));
      expect(await it.ledger.recordings.openUnitCount()).toBe(3);
      expect(await it.ledger.recordings.reopen('/x/5.wav')).toBe(true);
      expect(await it.ledger.recordings.reopen('/x/4.wav')).toBe(false);
      expect(await it.row('/x/5.wav')).toMatchObject({ status: 'PENDING', batch: undefined, retryCount: 0 });
      expect(await it.ledger.recordings.openUnitCount()).toBe(4);
    });

    test('a tar that is committed again leaves every recording the job that it has, and a new one joins none of them', async () => {
      const four = withOwnBytes(paths(4));
      await commitTar(it.ledger, TAR, four, { batchSize: 2 });
      await it.fail('/x/4.wav');
      await commitTar(it.ledger, TAR, { ...four, '/x/5.wav': '5', '/x/6.wav': '6' }, { batchSize: 4 });
      const found = await it.ledger.recordings.openUnits({ limit: 100 });
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
        await commitTar(it.ledger, TAR, withOwnBytes(paths(11)), { batchSize: 3 });
        await commitTar(it.ledger, { ...TAR, path: '/in/b.tar' }, { '/x/alone.wav': 'alone' });
        const pages = await Array.fromAsync(
          everyPage((after) => it.ledger.recordings.openUnits({ after, limit })),
        );
        const found = pages.flat().map((unit) => [...unit.paths]);
        expect(found.map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 3, 3]);
        expect(found.flat().toSorted()).toEqual([...paths(11), '/x/alone.wav'].toSorted());
        const ofTar = everyPage((after) => it.ledger.recordings.pendingUnits(TAR.path, { after, limit }));
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
        it.ledger,
        TAR,
        { '/x/a.wav': { sha256: 'a', size: 3 }, '/x/b.wav': { sha256: 'b', size: 4 } },
        { batchSize: 2 },
      );
      await commitTar(it.ledger, { ...TAR, path: '/in/b.tar', mtimeMs: 2000 }, { '/x/c.wav': 'c' });
      const { rows } = await it.ledger.recordings.openUnits({ limit: 10 });
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
      await commitTar(it.ledger, TAR, withOwnBytes(paths(5)));
      await it.stored('/x/1.wav');
      await it.fail('/x/2.wav', 4);
      await it.fail('/x/3.wav', 5);
      await it.ledger.tars.fail(
        { ...TAR, path: '/in/b.tar' },
        { cause: 'corrupt', message: 'no', retryCount: 0 },
      );
      expect((await it.units(2)).flat().toSorted()).toEqual(['/x/2.wav', '/x/4.wav', '/x/5.wav']);
      expect(await it.ledger.recordings.backlog()).toEqual({ recordings: 2, bytes: 10 });
    });

    test('what is SUCCESS is no failure’s to change, and says where it lies', async () => {
      await commitTar(it.ledger, TAR, { '/x/a.wav': 'a' });
      await it.ledger.recordings.stored('/x/a.wav', { ...answer('/x/a.wav', 'a'), versionId: 'v1' });
      await it.fail('/x/a.wav', 5);
      expect(await it.row('/x/a.wav')).toMatchObject({
        status: 'SUCCESS',
        key: 'x/a.wav',
        versionId: 'v1',
        cause: undefined,
      });
      expect(await it.ledger.recordings.byKey('x/a.wav')).toMatchObject({ path: '/x/a.wav' });
      expect(await it.ledger.recordings.byKey('x/none')).toBeUndefined();
      expect(await it.ledger.recordings.manyByKey(['x/none', 'x/a.wav'])).toMatchObject([
        { path: '/x/a.wav' },
      ]);
      expect(await it.ledger.recordings.isOfOthers('x/a.wav')).toBe(false);
      await it.stored('/x/a.wav', 'a'); // an outcome that was not known is repeated
      expect((await it.row('/x/a.wav')).status).toBe('SUCCESS');
    });

    test('re-queueing gives a fresh budget to FAILED rows alone', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(2)));
      await it.fail('/x/1.wav', 5);
      expect(await it.ledger.recordings.requeue(['/x/1.wav', '/x/2.wav', '/x/none.wav'])).toBe(1);
      expect(await it.row('/x/1.wav')).toMatchObject({
        status: 'PENDING',
        retryCount: 0,
        errorMessage: undefined,
      });
      expect(await it.ledger.recordings.requeue([])).toBe(0);
    });

    test('rows of many paths come in the order of the paths', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(3)));
      const rows = await it.ledger.recordings.many(['/x/3.wav', '/x/none.wav', '/x/1.wav']);
      expect(rows.map(({ path }) => path)).toEqual(['/x/3.wav', '/x/1.wav']);
    });

    test('failures come in pages, those that a filter takes, each with the place behind it', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(7)));
      for (const path of paths(7).slice(1))
        await it.fail(path, 0, path === '/x/5.wav' ? 'rejected' : 'network');
      const walk = (filter = {}, from?: Cursor) =>
        Array.fromAsync(
          everyPage((after) => it.ledger.recordings.failures(filter, { after, limit: 2 }), from),
        );
      const all = (await walk()).flat();
      expect(new Set(all.map(({ row }) => row.path))).toEqual(new Set(paths(7).slice(1)));
      expect((await walk({}, all[2]?.cursor)).flat()).toEqual(all.slice(3));
      expect((await walk({ cause: 'rejected' })).flat().map(({ row }) => row.path)).toEqual(['/x/5.wav']);
      expect((await walk({ paths: ['/x/2.wav', '/x/1.wav'] })).flat().map(({ row }) => row.path)).toEqual([
        '/x/2.wav',
      ]);
      expect((await walk({ since: '2999-01-01 00:00:00' })).flat()).toEqual([]);
      expect(await it.ledger.catalogue.causes()).toEqual([
        { cause: 'network', recordings: 5 },
        { cause: 'rejected', recordings: 1 },
      ]);
    });

    test('two ledgers on one store write at once, in any order, and lose nothing', async () => {
      const other = await it.open();
      const many = paths(400);
      await commitTar(it.ledger, TAR, withOwnBytes(many));
      const [one, two] = [it.ledger, other].map(({ recordings }) => recordings);
      await Promise.all([
        ...many.map((path) => one?.stored(path, answer(path))),
        ...many.toReversed().map((path) => two?.stored(path, answer(path))),
      ]);
      expect(await other.catalogue.counts()).toMatchObject({ SUCCESS: 400, PENDING: 0 });
      await other.close();
    });

    test('a cursor of another list is refused', async () => {
      const read = it.ledger.recordings.openUnits({ after: 'nonsense', limit: 1 });
      expect(await read.catch(faultCode)).toBe('USAGE');
    });
  });
}
