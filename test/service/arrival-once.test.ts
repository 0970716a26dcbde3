import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { proveOnce } from '../../src/ingest/arrival/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { proveTar, recordingDeps, SETTINGS, tarOf } from './arrival-rig.ts';

let incoming: string;
beforeEach(async () => {
  incoming = await mkdtemp(path.join(tmpdir(), 'arrival-once-'));
});
afterEach(() => rm(incoming, { recursive: true, force: true }));

const at = (name: string): string => path.join(incoming, name);

test('one pass queues what is complete or corrupt, names what is not, and leaves alone what is known', async () => {
  await writeFile(at('known.tar'), tarOf([100]));
  const { deps, queued } = recordingDeps(incoming);
  expect(await proveOnce(deps)).toMatchObject({ tars: 1, known: 0, incomplete: [] });

  await writeFile(at('whole.tar'), tarOf([100, 200]));
  await writeFile(at('corrupt.tar'), Buffer.alloc(2048, 1));
  await writeFile(at('cut.tar'), tarOf([3000], { cut: true }));
  await writeFile(at('upload.tar.part'), tarOf([100]));
  const settlement = await proveOnce(deps);

  expect(settlement).toMatchObject({ tars: 4, known: 1 });
  expect(settlement.incomplete).toEqual([{ path: at('cut.tar'), reason: 'ends at byte 3584' }]);
  const names = settlement.queued.map((tar) => path.basename(tar.path)).toSorted();
  expect(names).toEqual(['corrupt.tar', 'whole.tar']);
  expect(queued).toHaveLength(3);
});

test('a tar that changes during the quiet period or the proof is not queued', async () => {
  const clock: typeof systemClock = {
    ...systemClock,
    sleep: async (ms) => {
      await writeFile(at('grows.tar'), tarOf([100, 200]));
      await systemClock.sleep(ms);
    },
  };
  await writeFile(at('grows.tar'), tarOf([100]));
  await writeFile(at('replaced.tar'), tarOf([100]));
  const { deps, queued } = recordingDeps(incoming, {
    clock,
    prove: async (file) => {
      const proof = await proveTar(file);
      await writeFile(file, tarOf([100, 200, 300]));
      return proof;
    },
  });
  const { incomplete } = await proveOnce(deps);
  const reason = 'still changing';
  expect(incomplete.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: at('grows.tar'), reason },
    { path: at('replaced.tar'), reason },
  ]);
  expect(queued).toEqual([]);
});

test('a done marker that is missing and a tar that cannot be read are reasons of their own', async () => {
  await writeFile(at('unmarked.tar'), tarOf([100]));
  await writeFile(at('bad.tar'), tarOf([100]));
  await writeFile(at('bad.tar.done'), '');
  const { deps, of } = recordingDeps(incoming, {
    settings: { ...SETTINGS, doneMarker: '.done' },
    prove: async () => {
      throw new Error('EIO: i/o error');
    },
  });
  const { incomplete } = await proveOnce(deps);
  expect(incomplete.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: at('bad.tar'), reason: 'EIO: i/o error' },
    { path: at('unmarked.tar'), reason: 'its done marker is not there' },
  ]);
  expect(of('tar unreadable')).toMatchObject([{ tar: at('bad.tar') }]);
});

test('P13: tars that take long to read keep no other one from being queued, and no operator for ever', async () => {
  let nowMs = 0;
  const bombs = Array.from({ length: 8 }, (_, number) => at(`bomb-${number}.tar`));
  for (const bomb of bombs) await writeFile(bomb, tarOf([100]));
  await writeFile(at('good.tar'), tarOf([100, 200]));
  const clock: typeof systemClock = {
    ...systemClock,
    monotonicMs: () => nowMs,
    sleep: async (ms, signal) => {
      await systemClock.sleep(50, signal);
      if (signal?.aborted !== true) nowMs += ms;
    },
  };
  const { deps, queued } = recordingDeps(incoming, {
    clock,
    prove: async (file, signal) => {
      if (bombs.includes(file))
        await new Promise((_, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason as Error)),
        );
      return proveTar(file);
    },
  });
  const { incomplete } = await proveOnce(deps);
  const names = queued.map((tar) => path.basename(tar.path));
  expect(names).toContain('good.tar');
  expect(names.length).toBeGreaterThan(2); // extraction counts what it unpacks of those that were given a minute
  expect(names.length + incomplete.length).toBe(9);
  expect(incomplete.length).toBeGreaterThan(2);
  expect(new Set(incomplete.map(({ reason }) => reason))).toEqual(
    new Set(['it takes long to read, and so did others: the watch role goes on with it']),
  );
});
