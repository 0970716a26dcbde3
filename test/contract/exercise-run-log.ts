import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DIED, type RunLog } from '../../src/domain/run-log.ts';

const AT = Date.parse('2026-11-28T12:00:00.123Z');
const MINUTE_MS = 60_000;
const JOB = 'snapshot state daily';

/** What every log of runs keeps. */
export function exerciseRunLog(name: string, open: (remembered: number) => Promise<RunLog>): void {
  describe(name, () => {
    let log: RunLog;
    beforeEach(async () => {
      log = await open(20);
    });
    afterEach(() => log.close());
    const begin = (startedAt: number, due?: string, job = JOB): Promise<number> =>
      log.begin({ job, by: due === undefined ? 'hand' : 'schedule', due, startedAt }, undefined);
    const end = (id: number, endedAt: number): Promise<void> =>
      log.end(id, { endedAt, outcome: 'done', reason: null, result: '{"rows":3}' }, undefined);

    test('a schedule is known since the earliest time that was said of it', async () => {
      expect(await log.knownSince(JOB, '2026-11-28T12:00')).toBe('2026-11-28T12:00');
      expect(await log.knownSince(JOB, '2026-11-29T12:00')).toBe('2026-11-28T12:00');
      expect(await log.knownSince(JOB, '2026-11-27T12:00')).toBe('2026-11-27T12:00');
      expect(await log.knownSince('another', '2026-11-29T12:00')).toBe('2026-11-29T12:00');
    });

    test('a run is running, then what it ended as, with its times to the millisecond', async () => {
      expect(await log.last(JOB)).toBeUndefined();
      const id = await begin(AT);
      expect(await log.last(JOB)).toEqual({ job: JOB, by: 'hand', startedAt: AT, outcome: 'running' });
      await end(id, AT + 1);
      const done = {
        job: JOB,
        by: 'hand',
        startedAt: AT,
        endedAt: AT + 1,
        outcome: 'done',
        result: { rows: 3 },
      };
      expect(await log.last(JOB)).toEqual(done);
      expect(await log.lastDone(JOB, AT)).toEqual(done);
      expect(await log.lastDone(JOB, AT - 1)).toBeUndefined();
    });

    test('one that is running while another begins has died, and stays the attempt that it was', async () => {
      await begin(AT, '2026-11-28T12:00');
      const second = await begin(AT + MINUTE_MS, '2026-11-28T12:00');
      const [, first] = await log.since(AT, 9);
      expect(first).toMatchObject({ outcome: 'failed', reason: DIED });
      await log.end(second, { endedAt: AT, outcome: 'failed', reason: 'full', result: null }, undefined);
      expect(await log.lastDue(JOB, AT + MINUTE_MS)).toEqual({
        due: '2026-11-28T12:00',
        outcome: 'failed',
        attempts: 2,
        startedAt: AT + MINUTE_MS,
      });
      expect(await log.lastDue(JOB, AT)).toMatchObject({ startedAt: AT });
      expect(await log.lastDue(JOB, AT - 1)).toBeUndefined();
    });

    test('runs from the future lose their due times, once', async () => {
      await end(await begin(AT, '2026-11-28T12:00'), AT);
      await end(await begin(AT + 2 * MINUTE_MS, '2026-11-28T12:02'), AT);
      await begin(AT + 3 * MINUTE_MS, '2026-11-28T12:03');
      expect(await log.disown(JOB, AT + MINUTE_MS)).toEqual({ runs: 2, until: AT + 3 * MINUTE_MS });
      expect(await log.disown(JOB, AT + MINUTE_MS)).toBeUndefined();
      expect(await log.lastDue(JOB, AT + 9 * MINUTE_MS)).toMatchObject({ due: '2026-11-28T12:00' });
    });

    test('the runs of all jobs, the newest first, and no more than are asked for', async () => {
      for (let at = 0; at < 3; at += 1) await begin(AT + at, undefined, `job ${at}`);
      expect((await log.since(AT, 2)).map(({ job }) => job)).toEqual(['job 2', 'job 1']);
      expect(await log.since(AT + 3, 9)).toEqual([]);
    });

    test('of each job so many are remembered, the last ones', async () => {
      for (let at = 0; at < 22; at += 1) await begin(AT + at);
      await begin(AT, undefined, 'another');
      const runs = await log.since(AT, 5000);
      expect(runs.filter(({ job }) => job === JOB)).toHaveLength(20);
      expect(runs.some(({ job }) => job === 'another')).toBe(true);
    });
  });
}
