import { describe, expect, test } from 'vitest';
import { everyPage } from '../../src/platform/paging/index.ts';
import { commitTar } from '../support/commit-tar.ts';
import { answer, paths, TAR, withOwnBytes, type Subject } from './ledger-subject.ts';

/** What a ledger tells people and audits. */
export function exerciseCatalogue(it: Subject): void {
  describe('catalogue', () => {
    test('the pages of a list hold each row once, the newest change first, also while others change', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(60)));
      await it.storedAll(paths(60).slice(0, 30));
      const { rows: all } = await it.ledger.catalogue.list({ limit: 1000 });
      expect(all).toHaveLength(60);
      expect(all.map(({ timestamp }) => timestamp)).toEqual(
        all
          .map(({ timestamp }) => timestamp)
          .toSorted()
          .toReversed(),
      );
      const pages = everyPage((after) => it.ledger.catalogue.list({ after, limit: 7 }));
      const seen: string[] = [];
      for await (const page of pages) {
        seen.push(...page.map(({ path }) => path));
        await commitTar(
          it.ledger,
          { ...TAR, path: `/in/${seen.length}.tar` },
          { [`/new/${seen.length}.wav`]: 'n' },
        );
      }
      const older = new Set(all.map(({ path }) => path));
      expect(seen.filter((path) => older.has(path)).toSorted()).toEqual([...older].toSorted());
      const { rows } = await it.ledger.catalogue.list({ status: 'SUCCESS', limit: 1000 });
      expect(rows).toHaveLength(30);
    });

    test('a search is what a list has of that part, in its order, in whole and in pages', async () => {
      await commitTar(it.ledger, { ...TAR, path: '/in/50%_off.tar' }, withOwnBytes(paths(30)));
      await commitTar(
        it.ledger,
        { ...TAR, path: '/in/other.tar' },
        withOwnBytes(['/x/50%-1.wav', '/x/ü.wav']),
      );
      await it.storedAll(paths(10));
      for (const status of [undefined, 'SUCCESS'] as const) {
        const query = status === undefined ? {} : { status };
        const { rows: all } = await it.ledger.catalogue.list({ ...query, limit: 1000 });
        for (const part of ['.wav', '/x/1', '50%', '%', '_', 'other', 'ü', 'nobody', 'O']) {
          const having = all.filter(({ path, tar }) => path.includes(part) || tar?.includes(part) === true);
          const pages = everyPage((after) => it.ledger.catalogue.search({ ...query, part, limit: 4, after }));
          const found = (await Array.fromAsync(pages)).flat();
          expect(found, `${status} ${part}`).toEqual(having);
        }
      }
    });

    test('counts tell recordings from tars, and what waits for an operator since when', async () => {
      expect(await it.ledger.catalogue.counts()).toMatchObject({
        PENDING: 0,
        SUCCESS: 0,
        FAILED: 0,
        givenUpSince: undefined,
        pendingBytes: 0,
      });
      await commitTar(it.ledger, TAR, withOwnBytes(paths(4)));
      await it.stored('/x/1.wav');
      await it.fail('/x/2.wav', 1);
      await it.fail('/x/3.wav', 5);
      await it.ledger.tars.fail(
        { ...TAR, path: '/in/b.tar' },
        { cause: 'corrupt', message: 'no', retryCount: 5 },
      );
      const { timestamp } = await it.row('/x/3.wav');
      expect(await it.ledger.catalogue.counts()).toMatchObject({
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
      await commitTar(it.ledger, TAR, withOwnBytes(paths(3)));
      await it.stored('/x/1.wav');
      await it.fail('/x/2.wav', 1);
      await it.ledger.tars.fail(
        { ...TAR, path: '/in/b.tar' },
        { cause: 'corrupt', message: 'no', retryCount: 5 },
      );
      const { timestamp } = await it.row('/x/1.wav');
      const [past, all, none, future] = await it.ledger.catalogue.ended([
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
      await commitTar(it.ledger, TAR, withOwnBytes([...names, '/x/pending.wav']));
      for (const path of names)
        await it.ledger.recordings.stored(path, { ...answer(path), key: path.slice(3) });
      const request = { prefix: '', extracted: '/x' };
      const list = await it.ledger.catalogue.audit(request);
      await it.ledger.recordings.reopen('/x/b.wav');
      const keys = (await Array.fromAsync(list.inKeyOrder())).flat().map(({ key }) => key);
      expect(list.rows).toBe(names.length);
      expect(keys).toEqual(
        names.map((path) => path.slice(3)).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
      await list.close();
      const sample = await it.ledger.catalogue.audit({ ...request, sample: 2 });
      expect(sample.rows).toBe(2);
      expect((await Array.fromAsync(sample.inKeyOrder())).flat()).toHaveLength(2);
      await sample.close();
      const later = await it.ledger.catalogue.audit({ ...request, since: '2999-01-01 00:00:00' });
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
      await commitTar(it.ledger, { ...TAR, path: '/in/b.tar' }, { '/x/1.wav': '/x/1.wav' });
      expect(await it.ledger.catalogue.restoreTar(restored)).toBe(1);
      expect(await it.ledger.catalogue.restoreTar(restored)).toBe(0);
      expect(await it.row('/x/1.wav')).toMatchObject({ status: 'PENDING', tar: '/in/b.tar' });
      expect(await it.row('/x/2.wav')).toMatchObject({ status: 'SUCCESS', timestamp, key: 'x/2.wav' });
      expect(await it.ledger.tars.get(TAR.path)).toMatchObject({
        sha256: 'f',
        shared: ['/x/1.wav'],
        wavs: 2,
        receipts: [receipt],
      });
      expect(await it.ledger.receipts.head()).toEqual(receipt);
      expect(await it.ledger.tars.settled([TAR])).toEqual(new Set([TAR.path]));
      expect(await it.ledger.catalogue.lackingRows()).toEqual([]);
    });
  });
}
