import { expect, test } from 'vitest';
import { MOST_SLOW, createEnqueuer } from '../../../../src/ingest/arrival/enqueuer.ts';
import { createFairOrder } from '../../../../src/ingest/arrival/fair-order.ts';
import { createPendingTars, type Candidate } from '../../../../src/ingest/arrival/pending-tars.ts';
import { SETTINGS } from '../../../service/arrival-rig.ts';
import type { TarVersion } from '../../../../src/domain/tar.ts';

test('P13: of the tars that take long to read only some are queued at once, and those of others pass them', async () => {
  let nowMs = 0;
  const queued: TarVersion[] = [];
  const underWay = new Set<string>();
  const stopping = new AbortController();
  let rounds = 0;
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      await Promise.resolve();
      nowMs += ms;
      rounds += 1;
      if (rounds === 30) underWay.delete('/in/eve/bomb-0.tar'); // it has ended
      if (rounds === 60) stopping.abort();
    },
  };
  const turns = createFairOrder('/in', 'newest');
  const pending = createPendingTars(clock, SETTINGS, turns);
  const enqueuer = createEnqueuer(
    {
      settings: SETTINGS,
      incoming: '/in',
      clock,
      report: () => undefined,
      known: () => Promise.resolve(new Set()),
      queue: (batch) => {
        for (const version of batch) underWay.add(version.path);
        queued.push(...batch);
        return Promise.resolve();
      },
      waiting: () => Promise.resolve(0),
      underWay: (batch) =>
        Promise.resolve(new Set(batch.flatMap(({ path }) => (underWay.has(path) ? [path] : [])))),
      prove: () => Promise.resolve({ kind: 'complete', members: 1, bytes: 1 }),
    },
    { pending, turns },
    stopping.signal,
  );
  const land = (path: string): Candidate => {
    pending.observe({ path, size: 1, mtimeMs: 1, ctimeMs: 1 }, 'event');
    const found = [...pending.candidates()].find((candidate) => candidate.path === path);
    if (found === undefined) throw new Error(`${path} is not pending`);
    return found;
  };
  const bombs = Array.from({ length: 10 }, (_, number) => land(`/in/eve/bomb-${number}.tar`));
  for (const bomb of bombs) {
    pending.slowDown(bomb);
    enqueuer.push(bomb);
  }
  for (const name of ['a', 'b', 'c']) enqueuer.push(land(`/in/bob/${name}.tar`));
  await enqueuer.ended();
  const names = queued.map(({ path }) => path);
  expect(names).toEqual(expect.arrayContaining(['/in/bob/a.tar', '/in/bob/b.tar', '/in/bob/c.tar']));
  const ofEve = names.filter((path) => path.includes('bomb'));
  expect(ofEve.slice(0, MOST_SLOW)).toContain('/in/eve/bomb-0.tar');
  expect(ofEve).toHaveLength(MOST_SLOW + 1); // the fifth came in the place of the one that had ended
});
