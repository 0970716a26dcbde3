import { expect, test } from 'vitest';
import type { Report } from '../../src/domain/events.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { supervise } from '../../src/process/up/supervise.ts';
import { until } from '../support/ports.ts';

// A supervisor and real processes; only its clock runs faster than theirs.

/** An hour of it takes 3.6 s. */
const QUICK: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 1000, signal) };

test('a child whose event loop is blocked is ended and started again; one that sends no beats is left alone', async () => {
  const said: { event: string; fields: object }[] = [];
  const report: Report = (event, ...[fields]) => void said.push({ event, fields: fields ?? {} });
  const deps = { clock: QUICK, report };
  const start = (name: string, script: string): ReturnType<typeof supervise> =>
    supervise(name, [process.execPath, '-e', script], deps, { env: process.env });
  const stuck = start('stuck', 'process.send("beat", () => { for (;;); })');
  const silent = start('silent', 'setInterval(() => undefined, 1000)');
  try {
    await until(
      'it is ended, started again, and ended again',
      () => said.filter(({ event }) => event === 'role blocked').length > 1,
    );
    expect(said[0]).toEqual({ event: 'role blocked', fields: { blocked: 'stuck', blockedMs: 45_000 } });
    expect(said.find(({ event }) => event === 'role died')).toMatchObject({
      fields: { died: 'stuck', signal: 'SIGKILL' },
    });
    expect(said.filter(({ fields }) => JSON.stringify(fields).includes('silent'))).toEqual([]);
  } finally {
    await Promise.all([stuck.stop(0), silent.stop(0)]);
  }
});
