import { readFile, readdir, stat } from 'node:fs/promises';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import type { Clock } from '../../platform/runtime/index.ts';

const GRACE_MS = 10_000;
const LOOK_EVERY_MS = 50;

/**
 * Ends the redis-server that an `up` which was killed left behind in that directory: two that append to one file make it unreadable.
 * Resolves when it is gone, which SIGKILL sees to after 10 s. Throws REDIS_UNREACHABLE when even that does not end it.
 */
export async function endLeftOverRedis(
  directory: string,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const pids = await redisServersIn(directory);
    if (pids.length === 0) return;
    report('embedded redis left over', { directory, pids, signal });
    for (const pid of pids) end(pid, signal);
    const deadline = clock.monotonicMs() + GRACE_MS;
    while (clock.monotonicMs() < deadline) {
      if ((await redisServersIn(directory)).length === 0) return;
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
  throw new WavspoolError(
    'REDIS_UNREACHABLE',
    `the redis-server in ${directory} (${(await redisServersIn(directory)).join(', ')}) was left behind by another "up" and does not end`,
  );
}

/**
 * The processes that the kernel knows. Its pid file is empty when the disk was full as it started; on a full disk, and while it
 * loads, it refuses PING; and one that was stopped says nothing at all.
 */
async function redisServersIn(directory: string): Promise<readonly number[]> {
  const place = await stat(directory);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const ours = await Promise.all(
    pids.map(async (pid) => {
      if (!isRedisServer(await commandLineOf(pid))) return false;
      const works = await unlessGone(stat(`/proc/${pid}/cwd`));
      return works?.dev === place.dev && works.ino === place.ino;
    }),
  );
  return pids.filter((_, i) => ours[i]).map(Number);
}

/** Undefined for a process that has ended, and for one of another user, whose ways a kernel hides: ours belong to this user. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Whether a command line, as `/proc/<pid>/cmdline` has it, is that of a redis-server or of its fork. */
export function isRedisServer(command: string): boolean {
  return /^redis-(?:server|aof-rewrite|rdb-bgsave)[\0 ]/.test(command);
}

/** A process's program and arguments, NUL between them, or what it calls itself instead; '' when it is gone or hidden. */
async function commandLineOf(pid: string): Promise<string> {
  return (await unlessGone(readFile(`/proc/${pid}/cmdline`, 'utf8'))) ?? '';
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error; // it was quicker
  }
}
