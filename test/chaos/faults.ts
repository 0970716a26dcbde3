import { execFile } from 'node:child_process';
import { copyFile, open, readFile, rename, rm, stat, statfs, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createSemaphore } from '../../src/platform/runtime/index.ts';
import { httpAnswer, s3Refusal, type FaultProxy, type Weather } from '../support/fault-proxy.ts';
import type { Rig } from '../support/rig.ts';
import type { TestGateway } from '../support/s3.ts';
import type { Numbers } from './numbers.ts';
import { ROLES, pidsBelow, roleProgram, signal } from '../support/processes.ts';

const run = promisify(execFile);

/** What the faults act on. */
export interface World {
  readonly rig: Rig;
  readonly proxy: FaultProxy;
  readonly gateway: TestGateway;
  /** A disk of wavspool's own that may be filled; undefined where none could be mounted. */
  readonly disk: string | undefined;
  readonly number: Numbers;
  /** A plain tar that landed a moment ago; undefined while there is none. */
  readonly lastTar: (number: Numbers) => string | undefined;
}

/** Something bad that happens, and has ended when the promise resolves; says which of its kinds it was, if it has some. */
export type Fault = (world: World) => Promise<string | void>;

const answers = (response: string): Weather => ({ kind: 'answer', response });
const WEATHERS: readonly (readonly [string, Weather])[] = [
  ['refused', { kind: 'refuse' }],
  ['reset in a body', { kind: 'reset', afterBytes: 20_000 }],
  ['silent', { kind: 'freeze' }],
  ['answers lost', { kind: 'lose answers' }],
  ['bits flipped', { kind: 'flip', afterBytes: 9000 }],
  ['slow down', answers(s3Refusal(503, 'SlowDown'))],
  ['internal error', answers(s3Refusal(500, 'InternalError'))],
  ['clock skew', answers(s3Refusal(403, 'RequestTimeTooSkewed'))],
  ['expired token', answers(s3Refusal(400, 'ExpiredToken'))],
  ['revoked key', answers(s3Refusal(403, 'InvalidAccessKeyId'))],
  ['no bucket', answers(s3Refusal(404, 'NoSuchBucket'))],
  ['login page', answers(httpAnswer(200, '<html>please log in</html>', 'text/html'))],
  ['empty 200', answers(httpAnswer(200, ''))],
  ['no HTTP', answers('SSH-2.0-OpenSSH_9.2\r\n')],
  ['answer cut', answers('HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 500\r\n\r\n<?xml')],
];
const BALLAST_CHUNK = 1024 * 1024;

const seconds = (number: Numbers, from: number, to: number): Promise<void> =>
  delay(1000 * from + number(1000 * (to - from)));

const looks = createSemaphore(1);

/**
 * Starts `up` when it is not there, as systemd does: on a full disk it cannot even start. One look after the other: two loops that
 * find it gone at once would start two, and the rig would know the one that ends because the other is there.
 */
export async function keepUp(rig: Rig): Promise<void> {
  using look = new DisposableStack();
  look.use(await looks.acquire(1));
  if ((await pidsOf(rig, /wavspool\.js up/)).length === 0) await rig.launch();
}

/** The pids of what `up` has started. */
const pidsOf = (rig: Rig, program: RegExp): Promise<readonly number[]> =>
  pidsBelow(rig.data.replace(/\/data$/, ''), program);

/** What happens to wavspool's own processes. */
export const INSIDE: Readonly<Record<string, Fault>> = {
  'kill -9 of a role': async ({ rig, number }) => {
    const role = ROLES[number(ROLES.length)] ?? 'upload';
    signal(await pidsOf(rig, roleProgram(role)), 'SIGKILL');
    return role;
  },
  'kill -9 of all roles': async ({ rig }) => signal(await pidsOf(rig, /workers\/[a-z]+\.js/), 'SIGKILL'),
  'kill -9 of up': async ({ rig, number }) => {
    await rig.kill(); // its roles and its Redis must end or be taken over
    await seconds(number, 0, 2);
    await keepUp(rig);
  },
  'kill -9 of everything': async ({ rig, number }) => {
    await rig.kill();
    signal(await pidsOf(rig, /workers\/[a-z]+\.js/), 'SIGKILL');
    await seconds(number, 0, 2);
    await keepUp(rig);
    await delay(2000);
  },
  'kill -9 of Redis': async ({ rig }) => signal(await pidsOf(rig, /redis-server/), 'SIGKILL'),
  FLUSHALL: async ({ rig }) => {
    await run('redis-cli', ['-s', join(rig.data, 'redis/redis.sock'), 'FLUSHALL']).catch(() => undefined); // it may be down
  },
  'a role that stands still': async ({ rig, number }) => {
    const role = ROLES[number(ROLES.length)] ?? 'upload';
    const pids = await pidsOf(rig, roleProgram(role));
    signal(pids, 'SIGSTOP');
    await seconds(number, 1, 6);
    signal(pids, 'SIGCONT');
    return role;
  },
};

/** What happens to what wavspool stands on. */
export const OUTSIDE: Readonly<Record<string, Fault>> = {
  'a bad network to the store': async ({ proxy, number }) => {
    const [name, weather] = WEATHERS[number(WEATHERS.length)] ?? ['refused', { kind: 'refuse' }];
    proxy.set(weather);
    await seconds(number, 1, 8);
    proxy.set({ kind: 'pass' });
    return name;
  },
  'kill -9 of the store': async ({ gateway, number }) => {
    await gateway.kill();
    await seconds(number, 0, 3);
    await gateway.start();
  },
  'a full disk': async ({ disk, number }) => {
    if (disk === undefined) return;
    const ballast = join(disk, 'ballast');
    await fill(ballast, disk);
    await seconds(number, 1, 6);
    await rm(ballast);
  },
};

/** What the faults that happen to tars act on. */
export type TarWorld = Pick<World, 'number' | 'lastTar'>;

/** What happens to a tar whose recordings are uploaded straight from it. */
export const TARS: Readonly<Record<string, (world: TarWorld) => Promise<void>>> = {
  'a tar that is moved away and back': async (world) =>
    withLastTar(world, async (tar) => {
      await rename(tar, aside(tar));
      await delay(world.number(1000));
      await rename(aside(tar), tar);
    }),
  'a tar that is cut, and whole again under its old time': async (world) =>
    withLastTar(world, async (tar) => {
      const { size, atime, mtime } = await stat(tar);
      await copyFile(tar, aside(tar));
      await utimes(aside(tar), atime, mtime);
      await truncate(tar, Math.floor(size / 2));
      await delay(world.number(500));
      await rename(aside(tar), tar);
    }),
  'a tar that a copy of it is renamed over': async (world) =>
    withLastTar(world, async (tar) => {
      await copyFile(tar, aside(tar));
      await rename(aside(tar), tar);
    }),
};

/** A name that arrival does not take. */
const aside = (tar: string): string => `${tar}.part`;

async function withLastTar(
  { lastTar, number }: TarWorld,
  act: (tar: string) => Promise<void>,
): Promise<void> {
  const tar = lastTar(number);
  if (tar !== undefined) await act(tar);
}

/** Takes all the room that there is, whoever else takes some meanwhile. */
async function fill(ballast: string, disk: string): Promise<void> {
  const file = await open(ballast, 'w');
  try {
    for (;;) {
      const { bavail, bsize } = await statfs(disk);
      if (bavail === 0) return;
      await file.write(Buffer.alloc(Math.min(BALLAST_CHUNK, bavail * bsize)));
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await file.close();
  }
}

/** Where the rig's secrets are that no log may hold. */
export async function secretsOf(rig: Rig): Promise<readonly string[]> {
  const token = await readFile(join(rig.data, 'dashboard.token'), 'utf8');
  return [token.trim(), rig.s3.secretAccessKey];
}
