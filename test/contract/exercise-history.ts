import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { History, NewEvent } from '../../src/domain/history.ts';
import { newEvent } from '../../src/operate/history/index.ts';

const MINUTE_MS = 60_000;

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

function event(number: number, fields: object, name = 'tar arrived'): NewEvent {
  return newEvent({
    id: `${number}-a`,
    at: number,
    level: 'info',
    event: name,
    site: 's',
    role: 'watch',
    pid: 1,
    fields: { ...fields },
  });
}

/** What every history keeps. */
export function exerciseHistory(name: string, open: () => History): void {
  describe(name, () => {
    let history: History;
    beforeEach(() => {
      history = open();
    });
    afterEach(() => history.close());

    test('minutes add up in bins, and one that no dashboard saw is not 0', async () => {
      await history.noteMinutes([minute(0, 3, 7)]);
      await history.noteMinutes([minute(MINUTE_MS, 4, 5)]);
      await history.noteMinutes([minute(MINUTE_MS, 6)]); // looked at again, later: what it was then stays
      expect(await history.bins(0, 4 * MINUTE_MS, 2 * MINUTE_MS)).toMatchObject([
        { from: 0, uploaded: 9, bytes: 90, backlog: 7 },
        { from: 2 * MINUTE_MS, uploaded: undefined, backlog: undefined },
      ]);
      expect(await history.lastMinute()).toBe(MINUTE_MS);
      await history.prune(MINUTE_MS);
      expect(await history.bins(0, MINUTE_MS, MINUTE_MS)).toMatchObject([{ uploaded: undefined }]);
    });

    test('an event is kept once, found by what it is about, by who did it, and by its text', async () => {
      const events = [
        event(1, { tar: '/a.tar' }),
        event(2, { by: 'console', what: 'POST /api/pause' }, 'asked over HTTP'),
        event(3, { by: 'rescan' }),
      ];
      expect(await history.noteEvents(events)).toHaveLength(3);
      expect(await history.noteEvents(events)).toEqual([]);
      expect(await history.lastEventId()).toBe('3-a');
      expect(await history.eventsAbout('/a.tar')).toMatchObject([{ at: 1 }]);
      expect(await history.events({ limit: 9, byPeople: true })).toMatchObject([{ at: 2, by: 'console' }]);
      expect(await history.events({ limit: 9, text: 'pause' })).toMatchObject([{ at: 2 }]);
      expect(await history.events({ limit: 9, from: 2, to: 3 })).toMatchObject([{ at: 2 }]);
      const [newest] = await history.events({ limit: 1 });
      expect(await history.events({ limit: 9, before: newest?.seq })).toMatchObject([{ at: 2 }, { at: 1 }]);
    });

    test('what an event says at length is shortened, and stays readable', async () => {
      await history.noteEvents([event(1, { err: { stack: 'x'.repeat(100_000) } })]);
      expect(JSON.stringify(await history.events({ limit: 1 })).length).toBeLessThan(20_000);
    });

    test('of names that are together too long for an event each keeps its beginning', async () => {
      const names = Array.from({ length: 20 }, (_, at) => `${at} ${'x'.repeat(3000)}`);
      await history.noteEvents([event(1, { tar: '/in/a.tar', skippedNames: names, ms: 7 }, 'tar extracted')]);
      expect((await history.eventsAbout('/in/a.tar')).map(({ fields }) => fields)).toEqual([
        { tar: '/in/a.tar', skippedNames: names.map((name) => `${name.slice(0, 120)}…`), ms: 7 },
      ]);
    });
  });
}
