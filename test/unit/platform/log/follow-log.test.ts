import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followLog, recentEvents, type LoggedEvent } from '../../../../src/platform/log/index.ts';
import { systemClock, type Clock } from '../../../../src/platform/runtime/index.ts';

let root: string;
let file: string;
let stopped: AbortController;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wavspool-follow-'));
  file = join(root, 'wavspool.log');
  stopped = new AbortController();
});
afterEach(() => {
  stopped.abort();
  rmSync(root, { recursive: true });
});

const START = Date.parse('2026-11-29T10:00:00.000Z');
/** Looks a hundred times as often. */
const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };

/** A line as a role logs it, `n` ms after the start. */
function line(n: number, filling = ''): string {
  const time = new Date(START + n).toISOString();
  const fields = { n, ...(filling === '' ? {} : { filling }) };
  return `${JSON.stringify({ level: 'info', time, site: 'main', role: 'upload', pid: 7, ...fields, msg: 'store back' })}\n`;
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, at) => line(from + at)).join('');
}

function numberOf({ fields }: LoggedEvent): unknown {
  return fields['n'];
}

/** What is heard; `until` waits for so many, at most for a minute. */
function listen(after?: string) {
  const heard: LoggedEvent[] = [];
  const options = { clock, signal: stopped.signal, ...(after !== undefined && { after }) };
  const following = (async () => {
    for await (const event of followLog(file, options)) heard.push(event);
  })();
  return {
    numbers: () => heard.map(numberOf),
    until: async (count: number) => {
      const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(60_000)]);
      while (heard.length < count && !signal.aborted) await systemClock.sleep(2);
      expect(heard.length).toBeGreaterThanOrEqual(count);
    },
    end: async () => {
      stopped.abort();
      await following;
    },
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

test('what is there already is not told, what comes is, whole and once', async () => {
  writeFileSync(file, lines(0, 10));
  const log = listen();
  await systemClock.sleep(0);
  appendFileSync(file, lines(10, 12)); // may be seen as there already
  while (log.numbers().length === 0) {
    appendFileSync(file, line(20));
    await systemClock.sleep(5);
  }
  const before = log.numbers().length;
  const next = line(21);
  appendFileSync(file, next.slice(0, 30));
  appendFileSync(file, `${next.slice(30)}${line(22)}`);
  await log.until(before + 2);
  expect(log.numbers().slice(-2)).toEqual([21, 22]);
  expect(log.numbers()).not.toContain(9);
});

test('a log that is not there yet is told from its first line on', async () => {
  const log = listen();
  await systemClock.sleep(10);
  writeFileSync(file, lines(0, 3));
  await log.until(3);
  expect(log.numbers()).toEqual([0, 1, 2]);
});

test('a reader that was away is told what came since, once', async () => {
  writeFileSync(file, lines(0, 5000));
  const [known] = await recentEvents(file, { limit: 1, where: (event) => event.fields['n'] === 2000 });
  const log = listen(known?.id);
  await log.until(2999);
  appendFileSync(file, lines(5000, 5010));
  await log.until(3009);
  await log.end();
  expect(log.numbers()).toEqual(range(2001, 5010));
});

test('a log that is renamed is read to its end, and the new one from its beginning', async () => {
  writeFileSync(file, lines(0, 10));
  const [last] = await recentEvents(file, { limit: 1 });
  const log = listen(last?.id);
  let n = 10;
  for (let turn = 0; turn < 5; turn += 1) {
    appendFileSync(file, line(n));
    await log.until(n - 9); // so it is open; what is renamed before that is not seen
    appendFileSync(file, lines(n + 1, n + 21)); // mostly not read yet when it is renamed
    renameSync(file, `${file}.${turn}`);
    appendFileSync(`${file}.${turn}`, line(n + 21)); // a writer that has not noticed yet
    n += 22;
    writeFileSync(file, '');
  }
  appendFileSync(file, line(n));
  await log.until(n + 1 - 10);
  expect(log.numbers()).toEqual(range(10, n + 1));
});

test('a log that is emptied goes on with its first new line, also when it has grown beyond its old size', async () => {
  writeFileSync(file, lines(0, 10));
  const [last] = await recentEvents(file, { limit: 1 });
  const log = listen(last?.id);
  appendFileSync(file, lines(10, 20));
  await log.until(10);
  truncateSync(file, 0);
  appendFileSync(file, lines(20, 22));
  await log.until(12);
  truncateSync(file, 0);
  writeFileSync(file, lines(22, 100));
  await log.until(12 + 78);
  expect(log.numbers()).toEqual(range(10, 100));
});

test('a log that is emptied and written anew again and again loses and repeats no line', async () => {
  writeFileSync(file, line(0));
  const [last] = await recentEvents(file, { limit: 1 });
  const log = listen(last?.id);
  let n = 1;
  for (let turn = 0; turn < 200; turn += 1) {
    writeFileSync(file, lines(n, n + 1 + (turn % 7)));
    n += 1 + (turn % 7);
    await log.until(n - 1);
  }
  expect(log.numbers()).toEqual(range(1, n));
});

test('a log whose beginning is cut out of it repeats nothing', async () => {
  writeFileSync(file, Array.from({ length: 200 }, (_, n) => line(n, 'x'.repeat(400))).join(''));
  const [last] = await recentEvents(file, { limit: 1 });
  const log = listen(last?.id);
  appendFileSync(file, lines(200, 210));
  await log.until(10);
  const cut = spawnSync('fallocate', ['--collapse-range', '--offset', '0', '--length', '65536', file]);
  const isCollapsed = cut.status === 0;
  if (!isCollapsed) writeFileSync(file, readFileSync(file).subarray(65_536)); // the file system knows no collapse
  appendFileSync(file, lines(210, 220));
  await log.until(20);
  await log.end();
  expect(log.numbers()).toEqual(range(200, 220));
});

test('lines of others and lines that were cut are passed over', async () => {
  writeFileSync(file, line(0));
  const [last] = await recentEvents(file, { limit: 1 });
  const log = listen(last?.id);
  appendFileSync(file, `not ours\n{"msg":"half\n[]\nnull\n{"level":"loud","msg":"x"}\n${line(1)}`);
  await log.until(1);
  expect(log.numbers()).toEqual([1]);
});

test('a device is no log to read along in', async () => {
  file = '/dev/zero';
  expect(await recentEvents(file, { limit: 1 })).toEqual([]);
  const log = listen();
  await systemClock.sleep(20);
  await log.end();
  expect(log.numbers()).toEqual([]);
});

test('the latest events come first, by pages, whatever the lengths of the lines', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(0, 10, 4000, 70_000, 200_000), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      async (lengths, limit) => {
        writeFileSync(file, lengths.map((length, n) => line(n, 'é'.repeat(length))).join(''));
        appendFileSync(file, line(99).slice(0, 40)); // one that is being written
        const found: unknown[] = [];
        for (let before: string | undefined; ;) {
          const page = await recentEvents(file, { limit, ...(before !== undefined && { before }) });
          found.push(...page.map(numberOf));
          before = page.at(-1)?.id;
          if (page.length < limit) break;
        }
        expect(found).toEqual(lengths.map((_, n) => n).toReversed());
      },
    ),
    { numRuns: 30 },
  );
});

test('a page before an event that was rotated away holds what is older than it', async () => {
  writeFileSync(file, lines(0, 10));
  const [, , gone] = await recentEvents(file, { limit: 3 });
  writeFileSync(file, lines(0, 7));
  appendFileSync(file, lines(8, 10));
  const page = await recentEvents(file, { limit: 2, ...(gone !== undefined && { before: gone.id }) });
  expect(page.map(numberOf)).toEqual([6, 5]);
});

test('one who listens and stops leaves no descriptor behind', async () => {
  writeFileSync(file, lines(0, 10));
  const [first] = (await recentEvents(file, { limit: 10 })).toReversed();
  for await (const event of followLog(file, {
    clock,
    signal: stopped.signal,
    ...(first !== undefined && { after: first.id }),
  }))
    if (event.fields['n'] === 3) break;
  const open = spawnSync('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -c '${root}'`]);
  expect(Number(open.stdout.toString())).toBe(0);
});
