import { expect, test } from 'vitest';
import type { Minute } from '../../../../src/domain/history.ts';
import { noteMinutes } from '../../../../src/operate/history/keep-history.ts';
import type { Status } from '../../../../src/operate/status/index.ts';
import { sqlTimestamp, systemClock } from '../../../../src/platform/runtime/index.ts';

const MINUTE_MS = 60_000;
const NOW = 1440 * MINUTE_MS * 20_000;

test('a day that was missed is filled in from the rows, in one commit an hour', async () => {
  const commits: (readonly Minute[])[] = [];
  const busy = NOW - 100 * MINUTE_MS;
  await noteMinutes({
    history: {
      lastMinute: () => Promise.resolve(undefined),
      noteMinutes: (minutes) => Promise.resolve(void commits.push(minutes)),
    },
    catalogue: {
      ended: (spans) =>
        Promise.resolve(
          spans.map(({ from, to }) => {
            const isBusy = from <= sqlTimestamp(busy) && to > sqlTimestamp(busy);
            return { SUCCESS: isBusy ? 3 : 0, FAILED: isBusy ? 1 : 0 };
          }),
        ),
      bytesUploadedBetween: (from) => Promise.resolve(from === sqlTimestamp(busy) ? 300 : -1),
    },
    status: () => Promise.resolve({ recordings: { PENDING: 7 }, queues: {}, disk: {} } as unknown as Status),
    clock: { ...systemClock, now: () => NOW + 5000, sleep: () => Promise.resolve() },
  });
  const minutes = commits.flat();
  expect(minutes.map(({ at }) => at)).toEqual(
    Array.from({ length: 1441 }, (_, at) => NOW - (1440 - at) * MINUTE_MS),
  );
  expect(commits).toHaveLength(25);
  expect(minutes.filter(({ uploaded }) => uploaded > 0)).toMatchObject([
    { at: busy, uploaded: 3, failed: 1, bytes: 300, backlog: undefined },
  ]);
  expect(minutes.at(-1)).toMatchObject({ at: NOW, uploaded: 0, bytes: 0, backlog: 7 });
});
