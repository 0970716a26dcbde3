import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { presenceInFiles } from '../../../../src/platform/presence/index.ts';
import type { Heartbeat } from '../../../../src/platform/queue/index.ts';

const NOON = Date.UTC(2026, 10, 28, 12);

function beat(role: string, pid: number, at: number): Heartbeat {
  return {
    role,
    host: 'a/b c',
    pid,
    startedAt: at,
    at,
    rssBytes: 1,
    peakRssBytes: 1,
    cpuMs: 1,
    loopMaxMs: 1,
    loopRecentMs: 1,
    counters: {},
  };
}

async function dataDirectory(): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'wavspool-presence-'));
  onTestFinished(() => rm(data, { recursive: true }));
  return data;
}

test('each process of the data directory hears of a role that beats, until that leaves or falls silent', async () => {
  const data = await dataDirectory();
  let now = NOON;
  const mine = presenceInFiles(data, { now: () => now });
  const theirs = presenceInFiles(data, { now: () => now });
  expect(await theirs.heartbeats()).toEqual([]);
  expect(await readdir(data)).toEqual([]); // who looks makes nothing
  await mine.beat(beat('maintain', 2, now));
  await mine.beat(beat('dashboard', 2, now));
  await theirs.beat(beat('maintain', 1, now));
  expect((await theirs.heartbeats()).map(({ role, pid }) => `${role} ${pid}`)).toEqual([
    'dashboard 2',
    'maintain 1',
    'maintain 2',
  ]);
  await mine.leave(beat('dashboard', 2, now));
  now += 20_000;
  await theirs.beat(beat('maintain', 1, now));
  now += 15_000;
  expect((await mine.heartbeats()).map(({ pid }) => pid)).toEqual([1]);
});

test('a role that died while the clock was ahead is gone when it is right again', async () => {
  const data = await dataDirectory();
  const ahead = presenceInFiles(data, { now: () => NOON + 3_600_000 });
  await ahead.beat(beat('maintain', 1, NOON + 3_600_000));
  expect(await presenceInFiles(data, { now: () => NOON }).heartbeats()).toEqual([]);
});

test('who begins removes what the dead have left, and what a power loss has cut', async () => {
  const data = await dataDirectory();
  await presenceInFiles(data, { now: () => NOON }).beat(beat('maintain', 1, NOON));
  await writeFile(join(data, 'roles', 'maintain@x:7.json'), '{"role":"main');
  const later = presenceInFiles(data, { now: () => NOON + 60_000 });
  expect(await later.heartbeats()).toEqual([]);
  await later.beat(beat('maintain', 2, NOON + 60_000));
  expect(await readdir(join(data, 'roles'))).toEqual(['maintain@a_b_c:2.json']);
});

test('a data directory that comes back is written to again', async () => {
  const data = await dataDirectory();
  const presence = presenceInFiles(data, { now: () => NOON });
  await presence.beat(beat('maintain', 1, NOON));
  await rm(join(data, 'roles'), { recursive: true });
  await expect(presence.beat(beat('maintain', 1, NOON))).rejects.toThrow('ENOENT');
  await presence.beat(beat('maintain', 1, NOON));
  expect(await presence.heartbeats()).toHaveLength(1);
});
