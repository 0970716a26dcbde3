import { createHash } from 'node:crypto';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Minute } from '../../src/domain/history.ts';
import { openHistory } from '../../src/operate/history/index.ts';
import { pauseQueues } from '../../src/operate/pause/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { CALL, type ConsoleRig } from './console.ts';
import { until } from './ports.ts';
import type { WavShape } from './wavs.ts';

// What a site may look like. Each scene is added to what is there.

const MINUTE_MS = 60_000;
const quiet = (): void => undefined;
/** A name as hostile as one may be: markup, control characters, a change of the writing direction. */
export const HOSTILE = '<img src=x onerror="document.title=1">\u001B[31m\u202Egnp';

export function landed(rig: ConsoleRig, name: string): string {
  return join(rig.settings.paths.incoming, name);
}

export function extracted(rig: ConsoleRig, name: string): string {
  return join(rig.settings.paths.extracted, name);
}

/** Every role at work, and the store has answered. */
export async function alive(rig: ConsoleRig): Promise<void> {
  for (const role of ['watch', 'extract', 'upload', 'maintain', 'dashboard']) await rig.beat(role);
  await rig.queues.shared.noteReached(Date.now());
  await rig.queues.shared.setLanding({});
}

/** A day's calls in the bucket, of every codec, with their life in the log. */
export async function uploaded(rig: ConsoleRig): Promise<readonly string[]> {
  const shapes: WavShape[] = [
    CALL,
    { ...CALL, codec: 'alaw', seed: 8 },
    { ...CALL, codec: 'ulaw', seed: 9 },
    { ...CALL, codec: 'gsm610', seed: 10 },
  ];
  const tar = landed(rig, 'crm/2026/11/28/calls-0900.tar');
  const recordings = Array.from({ length: 12 }, (_, at) => ({
    path: extracted(rig, `crm/2026/11/28/call-09${String(at).padStart(2, '0')}-${4410 + at * 7}.wav`),
    shape: { ...(shapes[at % shapes.length] ?? CALL), seed: at },
  }));
  const now = Date.now();
  await rig.log('role started', { node: process.version }, now - 50 * MINUTE_MS);
  await rig.log('tar arrived', { tar, bytes: 380_000, by: 'event', quietMs: 5000 }, now - 40 * MINUTE_MS);
  await rig.extract(tar, recordings, now - 41 * MINUTE_MS, 1);
  await rig.log(
    'tar extracted',
    {
      tar,
      recordings: 12,
      known: 0,
      skipped: 1,
      refused: 1,
      bytes: 380_000,
      ms: 48,
      sha256: createHash('sha256').update(tar).digest('hex'),
      skippedNames: ['index.csv'],
      skippedReasons: ['its name does not end in .wav'],
      refusedNames: ['../../etc/call (2).wav (its path has a ".." in it)'],
      notes: [],
    },
    now - 39 * MINUTE_MS,
  );
  for (const { path, shape } of recordings) await rig.upload(path, shape);
  return recordings.map(({ path }) => path);
}

/** Recordings that were given up, one with a hostile name, and a tar that could not be read. */
export async function failing(rig: ConsoleRig): Promise<readonly string[]> {
  const tar = landed(rig, 'crm/2026/11/28/calls-1015.tar');
  const names = [...Array.from({ length: 30 }, (_, at) => `call-10${String(at).padStart(2, '0')}`), HOSTILE];
  const paths = names.map((name) => extracted(rig, `crm/2026/11/28/${name}.wav`));
  await rig.extract(
    tar,
    paths.map((path, at) => ({ path, shape: { ...CALL, seconds: 1, seed: 100 + at } })),
  );
  for (const [at, path] of paths.entries()) {
    const failure =
      at % 3 === 0
        ? { cause: 'conflict' as const, message: `KEY_TAKEN: another object has the key of ${path}` }
        : { cause: 'rejected' as const, message: 'AccessDenied: the bucket’s policy refuses this object' };
    await rig.ledger.recordings.failed(path, { ...failure, retryCount: 5 });
    if (at === 0)
      await rig.log(
        'recording failed',
        {
          recording: path,
          attempt: 1,
          final: true,
          code: 'KEY_TAKEN',
          cause: 'conflict',
          err: { message: failure.message },
        },
        Date.now(),
        'warn',
      );
  }
  await rig.ledger.tars.fail(
    { path: landed(rig, 'crm/2026/11/28/broken.tar'), size: 90_000, mtimeMs: Date.now() - 90 * MINUTE_MS },
    {
      cause: 'corrupt',
      message: 'TAR_CORRUPT: the header at byte 51200 has a wrong checksum',
      retryCount: 5,
    },
  );
  return paths;
}

/** Recordings that wait for their upload. */
export async function pending(rig: ConsoleRig): Promise<void> {
  const tar = landed(rig, 'pbx-2/2026-11-28.tar');
  await rig.extract(
    tar,
    Array.from({ length: 40 }, (_, at) => ({
      path: extracted(rig, `pbx-2/agent-${at % 5}/in-${20_000 + at}.wav`),
      shape: { ...CALL, seconds: 1, seed: 500 + at },
    })),
  );
}

/** The store is away. */
export async function outage(rig: ConsoleRig): Promise<void> {
  const since = Date.now() - 12 * MINUTE_MS;
  await rig.queues.shared.setOutage({
    code: 'STORE_UNREACHABLE',
    cause: 'network',
    message: 'connect ECONNREFUSED 192.0.2.10:443',
    since,
    probeAt: Date.now() + 20_000,
    probes: 5,
    bySuspects: false,
    stamp: 'scene',
  });
  await rig.log(
    'store away',
    {
      cause: 'network',
      code: 'STORE_UNREACHABLE',
      err: { message: 'connect ECONNREFUSED' },
      probeInMs: 2000,
    },
    since,
    'error',
  );
}

export async function backAgain(rig: ConsoleRig): Promise<void> {
  await rig.queues.shared.clearOutage();
  await rig.log('store back', { awayMs: 12 * MINUTE_MS });
}

/** The disk has too little room to extract. */
export function heldByDisk(rig: ConsoleRig): Promise<void> {
  return rig.beat('extract', {
    what: 'extraction',
    cause: 'disk',
    message: 'the disk of /data/extracted has 3.1 GiB free, and 10 GiB are kept free',
    since: Date.now() - 9 * MINUTE_MS,
  });
}

/** Uploading is paused, with its reason. */
export async function paused(rig: ConsoleRig): Promise<void> {
  await pauseQueues(
    { ...rig, clock: systemClock, report: quiet },
    ['upload'],
    'the bucket moves to another region',
    7_200_000,
  );
}

/** Files that nothing takes. */
export async function untaken(rig: ConsoleRig): Promise<void> {
  await rig.queues.shared.setLanding({
    incomplete: { count: 1, bytes: 700, oldestSeconds: 5400, needsAttention: true },
    'no pattern': { count: 1, bytes: 9, oldestSeconds: 5400, needsAttention: true },
  });
  await writeFile(landed(rig, `${HOSTILE.replace('/', '')}.zip`), 'not a tar');
  await writeFile(landed(rig, 'half.tar'), Buffer.alloc(700, 1));
}

/** What was uploaded within one minute of yesterday, before anything else that is known. */
export async function noteLoneMinute(rig: ConsoleRig): Promise<void> {
  const history = openHistory(rig.settings.paths.state);
  const at = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 23 * 60 * MINUTE_MS;
  await history.noteMinutes([
    {
      at,
      uploaded: 5,
      failed: 0,
      bytes: 5000,
      backlog: undefined,
      oldestSeconds: undefined,
      freeBytes: undefined,
    },
  ]);
  history.close();
}

/** Figures of the last day, as if somebody had looked each minute. */
export async function figures(rig: ConsoleRig): Promise<void> {
  const history = openHistory(rig.settings.paths.state);
  const present = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  // else its own look at the last day, which goes on, would write over these
  await until('the dashboard has looked', async () => ((await history.lastMinute()) ?? 0) >= present);
  const { bavail, bsize } = await statfs(rig.directory);
  const free = bavail * bsize; // the dashboard notes the host's own beside these
  const minutes: Minute[] = [];
  for (let ago = 1440; ago > 0; ago -= 1) {
    const at = present - ago * MINUTE_MS;
    const hour = (at / 3_600_000) % 24;
    const busy = Math.max(0, Math.sin(((hour - 6) / 14) * Math.PI)) * 40 + 2;
    const isAway = ago > 300 && ago < 345;
    minutes.push({
      at,
      uploaded: isAway ? 0 : Math.round(busy + ((at / MINUTE_MS) % 7)),
      failed: ago > 600 && ago < 620 ? 4 : 0,
      bytes: isAway ? 0 : Math.round(busy * 240_000),
      backlog: isAway ? (345 - ago) * 40 : Math.round(busy / 4),
      oldestSeconds: isAway ? (345 - ago) * 60 : 4,
      freeBytes: free + ago * 2_000_000,
    });
  }
  await history.noteMinutes(minutes);
  history.close();
  await rig.log(
    'store away',
    { cause: 'network', code: 'STORE_UNREACHABLE', err: { message: 'connect ETIMEDOUT' }, probeInMs: 2000 },
    present - 344 * MINUTE_MS,
    'error',
  );
  await rig.log('store back', { awayMs: 44 * MINUTE_MS }, present - 301 * MINUTE_MS);
}
