import { appendFile, mkdir, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startArrival, type ArrivalDeps } from '../../src/ingest/arrival/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { proveComplete } from '../../src/platform/tar/index.ts';
import { proveTar, recordingDeps, SETTINGS, startRig, tarOf, until } from './arrival-rig.ts';

const paths = (tars: readonly { path: string }[]): string[] => tars.map((tar) => tar.path).toSorted();

test('a tar that stops at a member boundary is reported incomplete and queued whole once it has grown', async () => {
  await using rig = await startRig();
  const file = rig.at('slow.tar');
  await writeFile(file, tarOf([3000], { cut: true }));
  await until(() => rig.of('tar incomplete').length > 0);
  expect(rig.queued).toEqual([]);

  await appendFile(file, tarOf([4000]));
  await until(() => rig.queued.length > 0);

  const whole = await stat(file);
  expect(rig.queued).toEqual([{ path: file, size: whole.size, mtimeMs: Math.floor(whole.mtimeMs) }]);
  expect(rig.of('tar incomplete')).toHaveLength(1);
  expect(rig.arrival.open()).toBe(0);
});

test('a tar that grows while its mtime stays old is queued once, at its full size', async () => {
  await using rig = await startRig();
  const file = rig.at('copied.tar');
  const whole = tarOf([2000, 2000, 2000, 2000]);
  for (let from = 0; from < whole.length; from += 512) {
    await appendFile(file, whole.subarray(from, from + 512));
    await utimes(file, 1000, 1000);
    await pause(25); // it grows for longer than the quiet period
  }
  await until(() => rig.queued.length > 0);

  expect(rig.queued).toEqual([{ path: file, size: whole.length, mtimeMs: 1_000_000 }]);
  expect(rig.of('tar arrived')[0]?.quietMs).toBeGreaterThanOrEqual(SETTINGS.quietSeconds * 1000);
});

test('a put under a temporary name counts from its rename on', async () => {
  await using rig = await startRig();
  await writeFile(rig.at('a.tar.part'), tarOf([100]));
  await writeFile(rig.at('.b.tar'), tarOf([100]));
  await writeFile(rig.at('other.tar'), tarOf([100]));
  await until(() => rig.queued.length === 1);
  expect(paths(rig.queued)).toEqual([rig.at('other.tar')]);

  await rename(rig.at('a.tar.part'), rig.at('a.tar'));
  await until(() => rig.queued.length === 2);
  expect(paths(rig.queued)).toEqual([rig.at('a.tar'), rig.at('other.tar')]);
  expect(rig.of('tar arrived').map(({ by }) => by)).toContain('event');
});

test('deep date trees whose tars appear at once all arrive', async () => {
  await using rig = await startRig();
  const expected: string[] = [];
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const directory = rig.at(`2025/${i % 12}/${i % 28}/${i}`);
      await mkdir(directory, { recursive: true });
      await writeFile(path.join(directory, 'file1.tar'), tarOf([100]));
      expected.push(path.join(directory, 'file1.tar'));
    }),
  );
  await rig.arrival.rescanNow();
  await until(() => rig.queued.length >= expected.length);
  // a slow look after an event may queue one again, which a queue takes for the same work
  expect([...new Set(paths(rig.queued))]).toEqual(expected.toSorted());
});

test('a directory that is renamed into place brings its tars', async () => {
  await using rig = await startRig();
  const outside = path.join(rig.incoming, '..', 'staging');
  await mkdir(path.join(outside, '09/01'), { recursive: true });
  await writeFile(path.join(outside, '09/01/file1.tar'), tarOf([100]));

  await rename(outside, rig.at('2025'));

  await until(() => rig.queued.length > 0);
  expect(paths(rig.queued)).toEqual([rig.at('2025/09/01/file1.tar')]);
});

test('10,000 tars that lie there at the start are queued exactly once', async () => {
  const tar = tarOf([100]);
  await using rig = await startRig({}, async (incoming) => {
    for (let day = 0; day < 100; day += 1) {
      const directory = path.join(incoming, `2025/${day}`);
      await mkdir(directory, { recursive: true });
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => writeFile(path.join(directory, `${i}.tar`), tar)),
      );
    }
  });
  await until(() => rig.queued.length >= 10_000 && rig.arrival.open() === 0);
  expect(rig.queued).toHaveLength(10_000);
  expect(new Set(paths(rig.queued)).size).toBe(10_000);

  const again = await rig.arrival.rescanNow();
  expect(again).toEqual({ tars: 10_000, known: 10_000, waiting: 0, missedByWatcher: 0 });
});

test('with a done marker a tar waits for it', async () => {
  await using rig = await startRig({ settings: { ...SETTINGS, doneMarker: '.done' } });
  await writeFile(rig.at('waits.tar'), tarOf([100]));
  await writeFile(rig.at('goes.tar'), tarOf([100]));
  await writeFile(rig.at('goes.tar.done'), '');
  await until(() => rig.queued.length > 0);
  expect(paths(rig.queued)).toEqual([rig.at('goes.tar')]);
  expect(rig.arrival.open()).toBe(1);

  await writeFile(rig.at('waits.tar.done'), '');
  await until(() => rig.queued.length === 2);
  expect(rig.arrival.open()).toBe(0);
});

test('a tar that is replaced by a rename is a new version', async () => {
  await using rig = await startRig();
  const file = rig.at('file1.tar');
  await writeFile(file, tarOf([100]));
  await until(() => rig.queued.length === 1);

  await writeFile(rig.at('file1.tar.part'), tarOf([100, 200]));
  await rename(rig.at('file1.tar.part'), file);
  await until(() => rig.queued.length === 2);

  expect(rig.queued.map(({ size }) => size)).toEqual([tarOf([100]).length, tarOf([100, 200]).length]);
});

test('a tar that stays incomplete is given up, reported and handed on to fail', async () => {
  await using rig = await startRig({ settings: { ...SETTINGS, incompleteAfterSeconds: 0.5 } });
  await writeFile(rig.at('cut.tar'), tarOf([3000], { cut: true }));
  await until(() => rig.queued.length > 0);
  expect(rig.of('tar incomplete')).toHaveLength(1);
  expect(rig.of('tar given up')).toMatchObject([{ tar: rig.at('cut.tar'), afterSeconds: 0.5 }]);
  expect(rig.of('tar arrived')).toEqual([]);
});

test('while the queue fails nothing is lost, and the outage is reported once', async () => {
  const taken: string[] = [];
  let failures = 0;
  await using rig = await startRig({
    queue: async (batch) => {
      if (failures < 2) {
        failures += 1;
        throw new Error('Redis is away');
      }
      taken.push(...paths(batch));
    },
  });
  await writeFile(rig.at('a.tar'), tarOf([100]));
  await until(() => failures === 1);
  await writeFile(rig.at('b.tar'), tarOf([100]));
  await until(() => taken.length === 2);
  expect(taken.toSorted()).toEqual([rig.at('a.tar'), rig.at('b.tar')]);
  expect(rig.of('tars not queued')).toHaveLength(1);
});

test('a tar that cannot be read is reported, and what else arrives goes on', async () => {
  await using rig = await startRig({
    prove: async (file) => {
      if (file.endsWith('bad.tar')) throw new Error('EIO');
      return { kind: 'complete', members: 1, bytes: 1 };
    },
  });
  await writeFile(rig.at('bad.tar'), tarOf([100]));
  await until(() => rig.of('tar unreadable').length > 0);
  await writeFile(rig.at('good.tar'), tarOf([100]));
  await until(() => rig.queued.length > 0);
  expect(paths(rig.queued)).toEqual([rig.at('good.tar')]);
  expect(rig.arrival.open()).toBe(1);
});

test('symbolic links are neither tars nor ways to them', async () => {
  await using rig = await startRig({}, async (incoming) => {
    const outside = path.join(incoming, '../outside');
    await mkdir(incoming);
    await mkdir(outside);
    await writeFile(path.join(outside, 'secret.tar'), tarOf([100]));
    await symlink(outside, path.join(incoming, 'directory'));
    await symlink(path.join(outside, 'secret.tar'), path.join(incoming, 'link.tar'));
    await writeFile(path.join(incoming, 'real.tar'), tarOf([100]));
  });
  await until(() => rig.queued.length > 0);
  expect(await rig.arrival.rescanNow()).toEqual({ tars: 1, known: 1, waiting: 0, missedByWatcher: 0 });
  expect(paths(rig.queued)).toEqual([rig.at('real.tar')]);
});

test('a rescan that fails is reported, and the next one makes up for it', async () => {
  let failing = true;
  await using rig = await startRig({
    settings: { ...SETTINGS, rescanSeconds: 0.1 },
    known: async () => {
      if (failing) throw new Error('state.db is away');
      return new Set();
    },
    afterRescan: async () => 7,
  });
  await writeFile(rig.at('a.tar'), tarOf([100]));
  await until(() => rig.of('rescan failed').length > 0);
  failing = false;
  await until(() => rig.of('rescan finished').length > 0);
  expect(rig.of('rescan finished').at(-1)).toMatchObject({ recordings: 7 });
  await until(() => rig.queued.length > 0);
});

test.each([
  ['newest', ['4.tar', '3.tar', '2.tar', '1.tar']],
  ['oldest', ['1.tar', '2.tar', '3.tar', '4.tar']],
] as const)('of the tars that wait for the queue the %s goes first', async (order, expected) => {
  const gate = Promise.withResolvers<void>();
  const proven: string[] = [];
  const batches: string[][] = [];
  await using rig = await startRig({
    settings: { ...SETTINGS, order },
    prove: async (file) => {
      proven.push(path.basename(file));
      return { kind: 'complete', members: 1, bytes: 1 };
    },
    queue: async (batch) => {
      batches.push(batch.map((tar) => path.basename(tar.path)));
      await gate.promise;
    },
  });
  await writeFile(rig.at('first.tar'), tarOf([100]));
  await until(() => batches.length === 1);
  for (const i of [2, 4, 1, 3]) {
    await writeFile(rig.at(`${i}.tar`), tarOf([100]));
    await utimes(rig.at(`${i}.tar`), i * 1000, i * 1000);
  }
  await until(() => expected.every((name) => proven.includes(name)));
  await rig.arrival.rescanNow(); // the last proof has reached the outbox by then
  gate.resolve();
  await until(() => batches.length === 2);
  expect(batches[1]).toEqual(expected);
});

test('a stop ends a proof that is under way, and the tar is found again at the next start', async () => {
  const stopped: unknown[] = [];
  await using first = await startRig({
    prove: (_, signal) =>
      new Promise((_, reject) => {
        stopped.push('proving');
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  await writeFile(first.at('a.tar'), tarOf([100]));
  await until(() => stopped.length > 0);
  await first.arrival.stop();
  expect(first.queued).toEqual([]);
  expect(first.of('tar unreadable')).toEqual([]);

  const { deps, queued } = recordingDeps(first.incoming);
  const second = await startArrival(deps);
  await until(() => queued.length > 0);
  await second.stop();
  expect(paths(queued)).toEqual([first.at('a.tar')]);
});

test('what a proof says of bytes that changed meanwhile does not count', async () => {
  let proofs = 0;
  await using rig = await startRig({
    prove: async (file) => {
      const proof = await proveTar(file);
      proofs += 1;
      if (proofs === 1) await writeFile(file, tarOf([100, 200]));
      return proof;
    },
  });
  await writeFile(rig.at('a.tar'), tarOf([100]));
  await until(() => rig.queued.length > 0);
  expect(rig.queued.map(({ size }) => size)).toEqual([tarOf([100, 200]).length]);
  expect(proofs).toBe(2);
});

const proveAllButBombs: ArrivalDeps['prove'] = (file, signal) =>
  file.includes('bomb')
    ? new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    : proveTar(file);

test('tars whose proof takes for ever in their own directories hold no other tar up, and are handed on at last', async () => {
  const clock: typeof systemClock = {
    ...systemClock,
    // the time that a proof may take, a hundred times shorter
    sleep: (ms, signal) => systemClock.sleep(ms >= 60_000 ? ms / 100 : ms, signal),
  };
  await using rig = await startRig({ clock, prove: proveAllButBombs }, async (incoming) => {
    for (let i = 0; i < 6; i += 1) {
      await mkdir(path.join(incoming, `bombs/${i}`), { recursive: true });
      await writeFile(path.join(incoming, `bombs/${i}/bomb.tar`), tarOf([100]));
    }
  });
  await mkdir(rig.at('honest'));
  for (let i = 0; i < 20; i += 1) await writeFile(rig.at(`honest/${i}.tar`), tarOf([100]));
  const honest = (): number => rig.queued.filter((tar) => tar.path.includes('honest')).length;
  await until(() => honest() === 20);
  expect(rig.queued.filter((tar) => tar.path.includes('bomb')).length).toBeLessThan(6);
  await until(() => rig.queued.length === 26);
});

test('a tar that stalls with zeros still to be filled is not taken before it is filled', async () => {
  const whole = Buffer.concat([tarOf([40_000, 40_000]), Buffer.alloc(1024)]);
  await using rig = await startRig({ prove: proveComplete });
  const half = Buffer.concat([whole.subarray(0, 20_480), Buffer.alloc(whole.length - 20_480)]);
  await writeFile(rig.at('a.tar'), half);
  await writeFile(rig.at('b.tar'), tarOf([100]));
  await until(() => rig.of('tar doubtful').length > 0 && rig.queued.length > 0);
  expect(rig.queued.map((tar) => path.basename(tar.path))).toEqual(['b.tar']);
  await rig.arrival.rescanNow();
  expect(rig.arrival.landing()).toMatchObject({ incomplete: { count: 1, needsAttention: true } });
  await writeFile(rig.at('a.tar'), whole);
  await until(() => rig.queued.length === 2);
  await rig.arrival.rescanNow();
  expect(rig.arrival.landing()).toEqual({});
});

test('what is not taken is counted by reason, and logged once, not with each rescan', async () => {
  await using rig = await startRig({}, async (incoming) => {
    await mkdir(incoming);
    for (let i = 0; i < 300; i += 1)
      await writeFile(Buffer.from(`${incoming}/caf\xe9${i}.tar`, 'latin1'), '12');
    await writeFile(path.join(incoming, 'calls.tar.xz'), '123');
  });
  for (let i = 0; i < 3; i += 1) await rig.arrival.rescanNow();
  expect(rig.of('files not taken').map(({ reason, files, bytes }) => ({ reason, files, bytes }))).toEqual(
    expect.arrayContaining([
      { reason: 'name not UTF-8', files: 300, bytes: 600 },
      { reason: 'no pattern', files: 1, bytes: 3 },
    ]),
  );
  expect(rig.of('files not taken')).toHaveLength(2);
  expect(rig.arrival.landing()).toMatchObject({
    'name not UTF-8': { count: 300, bytes: 600, needsAttention: true },
    'no pattern': { count: 1, bytes: 3, needsAttention: true },
  });
});
