import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../../../src/platform/config/index.ts';
import { DIRECTORY_ID, readDirectoryId } from '../../../src/platform/linux/index.ts';
import { noteOf } from '../../../src/platform/linux/known-places.ts';
import {
  presenceInFiles,
  type Presence,
  type SiteDirectories,
} from '../../../src/platform/presence/index.ts';
import { joinSite, keepJoined, UNKNOWN } from '../../../src/process/site-directories.ts';
import { heartbeat } from '../../support/heartbeat.ts';

const NOW = 1_000_000;
let root: string;
let presence: Presence;
let reported: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-site-'));
  presence = presenceInFiles(join(root, 'shared'), { now: () => NOW });
  reported = [];
});
afterEach(() => rm(root, { recursive: true }));

/** A process on a host of that name, with directories of its own unless told which. */
async function processOn(host: string, paths: { incoming?: string; extracted?: string } = {}) {
  const incoming = paths.incoming ?? join(root, host, 'incoming');
  const extracted = paths.extracted ?? join(root, host, 'extracted');
  await mkdir(incoming, { recursive: true });
  await mkdir(extracted, { recursive: true });
  const settings = loadSettings({ env: {}, cwd: join(root, host) }).settings;
  let elapsedMs = 0;
  const clock = {
    now: () => NOW,
    monotonicMs: () => elapsedMs,
    sleep: async (ms: number) => {
      elapsedMs += ms;
      await atSleep?.();
    },
  };
  let atSleep: (() => Promise<unknown>) | undefined;
  const app = {
    settings: { ...settings, paths: { ...settings.paths, incoming, extracted } },
    presence,
    clock,
    report: (event: string) => {
      reported.push(event);
    },
  };
  return {
    app,
    incoming,
    extracted,
    whenItSleeps: (step: () => Promise<unknown>) => (atSleep = step),
    beat: (directories: SiteDirectories, startedAt = NOW) =>
      presence.beat({ ...BEAT, host, startedAt, directories }),
  };
}

const BEAT = heartbeat({ role: 'extract', host: 'a', startedAt: NOW, at: NOW });

test('the first host gives its directories ids, and a second that sees the same ones joins', async () => {
  const first = await processOn('a');
  const ids = await joinSite(first.app);
  expect(ids).toEqual({
    incoming: await readDirectoryId(first.incoming),
    extracted: await readDirectoryId(first.extracted),
  });
  await first.beat(ids);
  const second = await processOn('b', first);
  expect(await joinSite(second.app)).toEqual(ids);
});

test('a host of the same site with directories of its own is refused, and both hosts are named', async () => {
  const first = await processOn('a');
  await first.beat(await joinSite(first.app));
  const second = await processOn('b');
  await expect(joinSite(second.app)).rejects.toThrow(
    /roles of the site main are at work on a, and .*b\/incoming has no/,
  );
  await expect(joinSite(second.app)).rejects.toMatchObject({ code: 'SITE_ELSEWHERE' });
  expect(await readDirectoryId(second.incoming)).toBeUndefined();
});

test('it is refused as well when its directories have ids from an earlier time', async () => {
  const second = await processOn('b');
  await joinSite(second.app);
  const first = await processOn('a');
  await first.beat(await joinSite(first.app));
  await expect(joinSite(second.app)).rejects.toThrow(/extract role on a .* has another paths.incoming/);
});

test('one shared directory does not make up for the other', async () => {
  const first = await processOn('a');
  await first.beat(await joinSite(first.app));
  const second = await processOn('b', { incoming: first.incoming });
  await expect(joinSite(second.app)).rejects.toThrow(/has no .*paths.extracted/);
});

test('P13: an id that an SFTP user removed is put back by those at work, and a role that starts waits for it', async () => {
  const first = await processOn('a');
  const ids = await joinSite(first.app);
  await first.beat(ids);
  await rm(join(first.incoming, DIRECTORY_ID));
  const second = await processOn('b', first);
  second.whenItSleeps(keepJoined(first.app, ids, NOW).renew);
  expect(await joinSite(second.app)).toEqual(ids);
});

test('two hosts that start at once both join; then the later one ends', async () => {
  const [first, second] = [await processOn('a'), await processOn('b')];
  const [ofFirst, ofSecond] = [await joinSite(first.app), await joinSite(second.app)];
  await first.beat(ofFirst, NOW);
  await second.beat(ofSecond, NOW + 1);
  await keepJoined(first.app, ofFirst, NOW).renew();
  const later = keepJoined(second.app, ofSecond, NOW + 1);
  await later.renew(); // what the other says may be what was
  await second.app.clock.sleep(15_000);
  await expect(later.renew()).rejects.toMatchObject({
    code: 'SITE_ELSEWHERE',
  });
});

test('below the mount point of a disk that is away no id is written', async () => {
  const first = await processOn('a');
  const { data } = first.app.settings.paths;
  await mkdir(join(data, 'places'), { recursive: true });
  const place = {
    path: first.incoming,
    point: first.incoming,
    type: 'ext4',
    source: '/dev/gone',
    inside: '/',
  };
  await writeFile(noteOf(first.incoming, data), JSON.stringify(place));
  const ids = await joinSite(first.app);
  expect(ids.incoming).toBeNull();
  await keepJoined(first.app, ids, NOW).renew();
  expect(await readDirectoryId(first.incoming)).toBeUndefined();
});

test('roles that start at once agree on one id, whatever another user has put there before', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { app, incoming } = await processOn(`host${round}`);
    await writeFile(join(incoming, DIRECTORY_ID), 'planted', { mode: 0o666 });
    await chmod(join(incoming, DIRECTORY_ID), 0o666);
    const joined = await Promise.all(Array.from({ length: 6 }, () => joinSite(app)));
    const { renew, directories } = keepJoined(app, joined[0] ?? UNKNOWN, NOW);
    await renew();
    expect(directories().extracted).toBe(await readDirectoryId(app.settings.paths.extracted));
    expect(new Set(joined.map(({ extracted }) => extracted)).size).toBe(1);
    expect(await readDirectoryId(incoming)).toBe(directories().incoming);
  }
});

test('a directory that takes no file is reported and not compared', async () => {
  const first = await processOn('a');
  await mkdir(join(first.incoming, DIRECTORY_ID));
  const ids = await joinSite(first.app);
  expect(ids.incoming).toBeNull();
  expect(ids.extracted).not.toBeNull();
  expect(reported).toEqual(['directory without id']);
});
