import { describe, expect, test } from 'vitest';
import type { RecordingFilter } from '../../src/domain/browse.ts';
import { everyPage } from '../../src/platform/paging/index.ts';
import { commitTar, WAV } from '../support/commit-tar.ts';
import { answer, paths, TAR, withOwnBytes, type Subject } from './ledger-subject.ts';

/** What a ledger tells the console. */
export function exerciseBrowsing(it: Subject): void {
  const browse = async (filter: RecordingFilter = {}, limit = 3): Promise<readonly string[]> => {
    const pages = everyPage((after) => it.ledger.catalogue.browse({ ...filter, limit, after }));
    return (await Array.fromAsync(pages)).flat().map(({ path }) => path);
  };
  const sorted = async (filter: RecordingFilter): Promise<readonly string[]> =>
    (await browse(filter)).toSorted();

  describe('browsing', () => {
    test('recordings by every filter, alone and together, each once, the newest change first', async () => {
      await commitTar(it.ledger, TAR, {
        '/x/1.wav': { sha256: '1', wav: { ...WAV, codec: 'alaw', durationMs: 500 } },
        '/x/2.wav': { sha256: '2', wav: { ...WAV, durationMs: 5000 } },
        '/x/3.wav': { sha256: '3', wav: { ...WAV, codec: undefined, durationMs: undefined, valid: false } },
      });
      await commitTar(it.ledger, { ...TAR, path: '/in/50%_ü.tar' }, withOwnBytes(['/y/4.wav', '/y/5.wav']));
      await it.stored('/x/1.wav', '1');
      await it.fail('/y/4.wav', 5, 'rejected');
      await it.ledger.tars.fail(
        { ...TAR, path: '/in/broken.tar' },
        { cause: 'corrupt', message: 'no', retryCount: 5 },
      );
      const all = ['/x/1.wav', '/x/2.wav', '/x/3.wav', '/y/4.wav', '/y/5.wav'];
      expect(await sorted({})).toEqual(all);
      expect(await sorted({ status: 'PENDING' })).toEqual(['/x/2.wav', '/x/3.wav', '/y/5.wav']);
      expect(await sorted({ status: 'SUCCESS' })).toEqual(['/x/1.wav']);
      expect(await sorted({ cause: 'rejected' })).toEqual(['/y/4.wav']);
      expect(await sorted({ cause: 'network' })).toEqual([]);
      expect(await sorted({ tar: TAR.path })).toEqual(['/x/1.wav', '/x/2.wav', '/x/3.wav']);
      expect(await sorted({ tar: TAR.path, status: 'SUCCESS' })).toEqual(['/x/1.wav']);
      expect(await sorted({ tar: '%_ü' })).toEqual(['/y/4.wav', '/y/5.wav']);
      expect(await sorted({ part: '/y/' })).toEqual(['/y/4.wav', '/y/5.wav']);
      expect(await sorted({ part: '%_ü' })).toEqual(['/y/4.wav', '/y/5.wav']);
      expect(await sorted({ codec: 'alaw' })).toEqual(['/x/1.wav']);
      expect(await sorted({ minMs: 1000 })).toEqual(['/x/2.wav', '/y/4.wav', '/y/5.wav']);
      expect(await sorted({ maxMs: 1000 })).toEqual(['/x/1.wav', '/y/4.wav', '/y/5.wav']);
      expect(await sorted({ minMs: 500, maxMs: 500, codec: 'alaw', part: '1' })).toEqual(['/x/1.wav']);
      const { timestamp } = await it.row('/x/1.wav');
      expect(await sorted({ from: timestamp, status: 'SUCCESS' })).toEqual(['/x/1.wav']);
      expect(await sorted({ to: timestamp, status: 'SUCCESS' })).toEqual([]);
      expect(await sorted({ from: '2999-01-01 00:00:00' })).toEqual([]);
      const page = await it.ledger.catalogue.browse({ limit: 10 });
      expect(page.rows.map((row) => row.timestamp)).toEqual(
        page.rows
          .map((row) => row.timestamp)
          .toSorted()
          .toReversed(),
      );
    });

    test('tars, extracted and failed, each once, with what became of them', async () => {
      for (const name of ['a', 'b', 'c']) await commitTar(it.ledger, { ...TAR, path: `/in/${name}.tar` }, {});
      await it.ledger.tars.fail(
        { ...TAR, path: '/in/broken.tar' },
        { cause: 'corrupt', message: 'no end', retryCount: 5 },
      );
      const receipt = { seq: 1, key: '1.json', sha256: 'r1', tarSha256: 'f' };
      await it.ledger.receipts.begin('/in/a.tar', { ...receipt, previous: null });
      await it.ledger.receipts.confirm('/in/a.tar', receipt);
      const walk = async (filter: object): Promise<readonly string[]> => {
        const pages = everyPage((after) =>
          it.ledger.catalogue.browseTars({ state: 'all', ...filter, limit: 2, after }),
        );
        return (await Array.fromAsync(pages)).flat().map(({ path }) => path);
      };
      expect((await walk({})).toSorted()).toEqual(['/in/a.tar', '/in/b.tar', '/in/broken.tar', '/in/c.tar']);
      expect(await walk({ state: 'failed' })).toEqual(['/in/broken.tar']);
      expect((await walk({ state: 'extracted' })).toSorted()).toEqual([
        '/in/a.tar',
        '/in/b.tar',
        '/in/c.tar',
      ]);
      expect((await walk({ part: '/b' })).toSorted()).toEqual(['/in/b.tar', '/in/broken.tar']);
      expect(await walk({ to: '2000-01-01 00:00:00' })).toEqual([]);
      const { rows } = await it.ledger.catalogue.browseTars({ state: 'all', limit: 10 });
      const of = (path: string) => rows.find((row) => row.path === path);
      expect(of('/in/a.tar')).toMatchObject({
        state: 'extracted',
        hasReceipt: true,
        skipped: 1,
        cause: undefined,
      });
      expect(of('/in/b.tar')).toMatchObject({
        hasReceipt: false,
        recordings: 0,
        size: TAR.size,
        mtimeMs: TAR.mtimeMs,
      });
      expect(of('/in/broken.tar')).toMatchObject({
        state: 'failed',
        hasReceipt: false,
        cause: 'corrupt',
        errorMessage: 'no end',
        retryCount: 5,
        recordings: undefined,
      });
    });

    test('failures that differ in names alone are one group, the most frequent first', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(4)));
      for (const path of ['/x/1.wav', '/x/2.wav', '/x/3.wav']) await it.fail(path);
      await it.fail('/x/4.wav', 0, 'rejected');
      const { timestamp } = await it.row('/x/1.wav');
      expect(await it.ledger.catalogue.failureGroups()).toEqual([
        { cause: 'network', message: 'network of …', recordings: 3, since: timestamp },
        { cause: 'rejected', message: 'rejected of …', recordings: 1, since: expect.any(String) as string },
      ]);
    });

    test('the bytes that were uploaded from a second on and before another', async () => {
      await commitTar(it.ledger, TAR, withOwnBytes(paths(3)));
      expect(
        await it.ledger.catalogue.bytesUploadedBetween('2000-01-01 00:00:00', '2999-01-01 00:00:00'),
      ).toBe(0);
      await it.ledger.recordings.stored('/x/1.wav', { ...answer('/x/1.wav'), size: 3 });
      await it.ledger.recordings.stored('/x/2.wav', { ...answer('/x/2.wav'), size: 4 });
      const { timestamp } = await it.row('/x/1.wav');
      expect(await it.ledger.catalogue.bytesUploadedBetween(timestamp, '2999-01-01 00:00:00')).toBe(7);
      expect(await it.ledger.catalogue.bytesUploadedBetween('2000-01-01 00:00:00', timestamp)).toBe(0);
    });
  });
}
