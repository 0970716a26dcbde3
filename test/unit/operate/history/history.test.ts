import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHistory, type History } from '../../../../src/operate/history/index.ts';
import type { LoggedEvent } from '../../../../src/platform/log/index.ts';

const MINUTE_MS = 60_000;
let directory: string;
let history: History;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-history-'));
  history = openHistory(join(directory, 'state.db'));
});
afterEach(() => {
  history.close();
  rmSync(directory, { recursive: true });
});

function minute(at: number, uploaded: number, backlog?: number) {
  return {
    at,
    uploaded,
    failed: 0,
    bytes: uploaded * 10,
    backlog,
    oldestSeconds: undefined,
    freeBytes: undefined,
  };
}

function event(number: number, fields: object, name = 'tar arrived'): LoggedEvent {
  return {
    id: `${number}-a`,
    at: number,
    level: 'info',
    event: name,
    site: 's',
    role: 'watch',
    pid: 1,
    fields: { ...fields },
  };
}

test('minutes add up in bins, and one that nobody looked at is not 0', () => {
  history.noteMinute(minute(0, 3, 7));
  history.noteMinute(minute(MINUTE_MS, 4, 5));
  history.noteMinute(minute(MINUTE_MS, 6)); // looked at again, later: what it was then stays
  expect(history.bins(0, 4 * MINUTE_MS, 2 * MINUTE_MS)).toMatchObject([
    { from: 0, uploaded: 9, bytes: 90, backlog: 7 },
    { from: 2 * MINUTE_MS, uploaded: undefined, backlog: undefined },
  ]);
  expect(history.lastMinute()).toBe(MINUTE_MS);
  history.prune(MINUTE_MS);
  expect(history.bins(0, MINUTE_MS, MINUTE_MS)).toMatchObject([{ uploaded: undefined }]);
});

test('an event is kept once, found by what it is about, by who did it, and by its text', () => {
  const events = [
    event(1, { tar: '/a.tar' }),
    event(2, { by: 'console', what: 'POST /api/pause' }, 'asked over HTTP'),
    event(3, { by: 'rescan' }),
  ];
  expect(history.noteEvents(events)).toHaveLength(3);
  expect(history.noteEvents(events)).toEqual([]);
  expect(history.lastEventId()).toBe('3-a');
  expect(history.eventsAbout('/a.tar')).toMatchObject([{ at: 1 }]);
  expect(history.events({ limit: 9, byPeople: true })).toMatchObject([{ at: 2, by: 'console' }]);
  expect(history.events({ limit: 9, text: 'pause' })).toMatchObject([{ at: 2 }]);
  expect(history.events({ limit: 9, from: 2, to: 3 })).toMatchObject([{ at: 2 }]);
  const [newest] = history.events({ limit: 1 });
  expect(history.events({ limit: 9, before: newest?.seq })).toMatchObject([{ at: 2 }, { at: 1 }]);
});

test('what an event says at length is shortened, and stays readable', () => {
  history.noteEvents([event(1, { err: { stack: 'x'.repeat(100_000) } })]);
  expect(JSON.stringify(history.events({ limit: 1 })).length).toBeLessThan(20_000);
});
