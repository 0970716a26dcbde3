import { expect, test } from 'vitest';
import { giveBackMemory } from '../../../../src/platform/runtime/index.ts';

const MIB = 1024 * 1024;
const LOOK_MS = 15_000;

/** What a process does up to one look: the share of a core that it takes, and what it holds by then. */
interface Turn {
  readonly share: number;
  readonly mib: number | undefined;
}

/** Plays the turns; `leaves` is what a collection leaves. Returns after which turns something was collected. */
async function collectedAfter(turns: readonly Turn[], leaves: number): Promise<readonly number[]> {
  const stop = new AbortController();
  const collected: number[] = [];
  let [ms, cpuMs, at] = [0, 5000, -1];
  let bytes: number | undefined = 100 * MIB;
  const sleep = (sleptMs: number): Promise<void> => {
    const turn = turns[(at += 1)];
    if (turn === undefined) stop.abort();
    else {
      ms += sleptMs;
      cpuMs += sleptMs * turn.share;
      bytes = turn.mib === undefined ? undefined : turn.mib * MIB;
    }
    return Promise.resolve();
  };
  const clock = { now: () => ms, monotonicMs: () => ms, sleep };
  const collect = (): void => {
    collected.push(at);
    bytes = leaves * MIB;
  };
  await giveBackMemory({ clock, signal: stop.signal, taken: () => ({ cpuMs, bytes }), collect });
  expect(ms).toBe(turns.length * LOOK_MS);
  return collected;
}

test('what the start left is collected once the process is quiet, and not again for a little', async () => {
  const start = { share: 0.9, mib: 120 };
  const idle = { share: 0.02, mib: 121 };
  expect(await collectedAfter([start, start, idle, { share: 0.02, mib: 60 }, idle], 50)).toEqual([2, 4]);
});

test('a process that works is left alone, however much it holds', async () => {
  expect(
    await collectedAfter(
      Array.from({ length: 20 }, () => ({ share: 0.1, mib: 900 })),
      50,
    ),
  ).toEqual([]);
});

test('what a burst of work left is collected after it', async () => {
  const [idle, burst] = [
    { share: 0.01, mib: 60 },
    { share: 1.5, mib: 600 },
  ];
  expect(
    await collectedAfter([idle, burst, burst, { share: 0, mib: 500 }, { share: 0, mib: 60 }], 50),
  ).toEqual([0, 3]);
});

test('a process that has no descriptor left to ask with is left alone, and looked at again', async () => {
  const blind = { share: 0, mib: undefined };
  expect(await collectedAfter([blind, { share: 0, mib: 120 }, blind, { share: 0, mib: 120 }], 50)).toEqual([
    1, 3,
  ]);
});

test('V8 is collected for real: what this process holds without need is gone', async () => {
  const held = new WeakRef({});
  const stop = new AbortController();
  await new Promise((resolve) => setTimeout(resolve, 0)); // a WeakRef holds its target to the end of its turn
  let looks = 0;
  const sleep = (): Promise<void> => {
    looks += 1;
    if (looks === 2) stop.abort();
    return Promise.resolve();
  };
  await giveBackMemory({
    clock: { now: () => 0, monotonicMs: () => looks * LOOK_MS, sleep },
    signal: stop.signal,
    taken: () => ({ cpuMs: 0, bytes: 100 * MIB }),
  });
  expect(held.deref()).toBeUndefined();
});
