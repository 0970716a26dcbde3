import { describe, expect, test } from 'vitest';
import type { ReceiptIntent } from '../../src/domain/tar.ts';
import { commitTar } from '../support/commit-tar.ts';
import { TAR, type Subject } from './ledger-subject.ts';

const intent = (seq: number): ReceiptIntent => ({
  seq,
  previous: null,
  key: `${seq}.json`,
  sha256: `r${seq}`,
  tarSha256: 'f',
});

async function due({ ledger }: Subject, before?: string): Promise<readonly string[]> {
  return (await ledger.receipts.due({ limit: 10, before })).rows.map(({ path }) => path);
}

async function recordingsOf({ ledger }: Subject, path: string): Promise<readonly string[]> {
  const tar = await ledger.tars.get(path);
  if (tar === undefined) throw new Error(`no row for ${path}`);
  return (await Array.fromAsync(ledger.receipts.recordingsOf(tar))).flat().map((one) => one.path);
}

/** What a ledger keeps of receipts and of cleanup. */
export function exerciseReceipts(it: Subject): void {
  describe('receipts', () => {
    test('a receipt is due when all recordings of a tar are in the bucket, those of other tars included', async () => {
      await commitTar(it.ledger, TAR, { '/x/a.wav': 'a' });
      await commitTar(it.ledger, { ...TAR, path: '/in/b.tar' }, { '/x/a.wav': 'a', '/x/b.wav': 'b' });
      expect(await due(it)).toEqual([]);
      await it.stored('/x/b.wav', 'b');
      expect(await due(it)).toEqual([]);
      await it.stored('/x/a.wav', 'a');
      expect(await due(it)).toEqual(['/in/a.tar', '/in/b.tar']);
      expect(await due(it, '2000-01-01 00:00:00')).toEqual([]);
      expect((await recordingsOf(it, '/in/b.tar')).toSorted()).toEqual(['/x/a.wav', '/x/b.wav']);
    });

    test('one receipt is written at a time, and its place in the chain is noted before it is put', async () => {
      for (const path of ['/in/a.tar', '/in/b.tar']) await commitTar(it.ledger, { ...TAR, path }, {});
      expect(await it.ledger.receipts.head()).toBeUndefined();
      expect(await it.ledger.receipts.begin('/in/a.tar', intent(1))).toBe(true);
      expect(await it.ledger.receipts.begin('/in/b.tar', intent(1))).toBe(false);
      expect(await it.ledger.receipts.begin('/in/a.tar', intent(1))).toBe(true); // under its next key
      expect(await it.ledger.receipts.pending()).toMatchObject({
        tar: { path: '/in/a.tar' },
        intent: intent(1),
      });
      await it.ledger.receipts.confirm('/in/a.tar', intent(1));
      expect(await it.ledger.receipts.pending()).toBeUndefined();
      expect(await it.ledger.receipts.begin('/in/b.tar', intent(2))).toBe(true);
      await it.ledger.receipts.withdraw('/in/b.tar');
      expect(await it.ledger.receipts.pending()).toBeUndefined();
      const { previous: _, ...receipt } = intent(1);
      expect(await it.ledger.receipts.head()).toEqual(receipt);
      expect((await it.ledger.tars.get('/in/a.tar'))?.receipts).toEqual([receipt]);
      expect(await due(it)).toEqual(['/in/b.tar']);
    });

    test('of many ledgers that begin a receipt at once, one may', async () => {
      const names = Array.from({ length: 8 }, (_, i) => `/in/${i}.tar`);
      for (const path of names) await commitTar(it.ledger, { ...TAR, path }, {});
      const other = await it.open();
      const begun = await Promise.all(
        names.map((path, i) => (i % 2 === 0 ? it.ledger : other).receipts.begin(path, intent(1))),
      );
      expect(begun.filter(Boolean)).toHaveLength(1);
      await other.close();
    });

    test('a new version of a tar is due again, and its recordings are its own', async () => {
      await commitTar(it.ledger, TAR, { '/x/a.wav': 'a' });
      await it.stored('/x/a.wav', 'a');
      await it.ledger.receipts.begin(TAR.path, intent(1));
      await it.ledger.receipts.confirm(TAR.path, intent(1));
      expect(await due(it)).toEqual([]);
      await commitTar(it.ledger, { ...TAR, mtimeMs: 2000 }, { '/x/b.wav': 'b' }, { sha256: 'g' });
      await it.stored('/x/b.wav', 'b');
      expect(await due(it)).toEqual([TAR.path]);
      expect(await recordingsOf(it, TAR.path)).toEqual(['/x/b.wav']);
    });

    test('cleanup is due once all is in the bucket, for each of the two kinds once', async () => {
      await commitTar(it.ledger, TAR, { '/x/a.wav': 'a' });
      const request = {
        what: 'extracted',
        before: '2999-01-01 00:00:00',
        withReceipt: false,
        limit: 10,
      } as const;
      const dueFor = async (over: object): Promise<number> =>
        (await it.ledger.receipts.dueForCleanup({ ...request, ...over })).rows.length;
      expect(await dueFor({})).toBe(0);
      await it.stored('/x/a.wav', 'a');
      expect(await dueFor({})).toBe(1);
      expect(await dueFor({ before: '2000-01-01 00:00:00' })).toBe(0);
      expect(await dueFor({ withReceipt: true })).toBe(0);
      await it.ledger.receipts.markCleaned(TAR.path, 'extracted');
      expect(await dueFor({})).toBe(0);
      expect(await dueFor({ what: 'incoming' })).toBe(1);
    });
  });
}
