import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { offLoop } from '../../../../src/platform/runtime/off-loop.ts';

const SERVE = pathToFileURL(join(import.meta.dirname, '../../../../src/platform/runtime/off-loop.ts'));
/** Says which thread it is; throws, or waits for its abort, when told to. */
const THREAD = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { threadId } from 'node:worker_threads';
    import { serveOffLoop } from '${SERVE.href}';
    serveOffLoop(async ({ fails, waits }, signal) => {
      if (fails === 'EROFS') throw Object.assign(new Error('read-only'), { code: fails });
      if (fails) throw new Error('as asked');
      if (waits) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return { threadId, aborted: signal.aborted };
    });
  `)}`,
);

interface Said {
  readonly threadId: number;
  readonly aborted: boolean;
}
const never = new AbortController().signal;
const ask = (input: object = {}, signal = never): Promise<Said> => offLoop<Said>(THREAD, input, signal);

test('a thread that did its work does the next of its kind; those at once have one each', async () => {
  const first = await ask();
  expect(await ask()).toEqual(first);
  const [one, other] = await Promise.all([ask(), ask()]);
  expect(one.threadId).not.toBe(other.threadId);
  expect([one.threadId, other.threadId]).toContain((await ask()).threadId);
});

test('a thread that failed is not used again, and its fault is told', async () => {
  const { threadId } = await ask();
  await expect(ask({ fails: true })).rejects.toMatchObject({
    code: 'UNKNOWN',
    message: expect.stringContaining('as asked'),
  });
  expect((await ask()).threadId).not.toBe(threadId);
});

test('a system error that a thread met keeps its errno, so that who asked can tell what it means', async () => {
  await expect(ask({ fails: 'EROFS' })).rejects.toMatchObject({ code: 'EROFS', message: 'read-only' });
});

test('an abort ends what it is meant for, and nothing else', async () => {
  const stopping = new AbortController();
  const waiting = ask({ waits: true }, stopping.signal);
  const other = ask();
  stopping.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(await other).toMatchObject({ aborted: false });
  expect(await ask()).toMatchObject({ aborted: false });
  await expect(ask({}, stopping.signal)).rejects.toThrow('enough');
});
