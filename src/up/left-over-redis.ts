import { readdir } from 'node:fs/promises';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf } from '../faults.ts';
import type { Clock } from '../runtime/index.ts';
import { commandLineOf } from './command-line.ts';

const GRACE_MS = 10_000;
const LOOK_EVERY_MS = 50;

/**
 * Ends the redis-server that an `up` which was killed left behind on that socket: two that append to one file make it unreadable.
 * Resolves when it is gone, which SIGKILL sees to after 10 s. Throws REDIS_UNREACHABLE when even that does not end it.
 */
export async function endLeftOverRedis(
  socket: string,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const pids = await redisServersOn(socket);
    if (pids.length === 0) return;
    report('embedded redis left over', { socket, pids, signal });
    for (const pid of pids) end(pid, signal);
    const deadline = clock.monotonicMs() + GRACE_MS;
    while (clock.monotonicMs() < deadline) {
      if ((await redisServersOn(socket)).length === 0) return;
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
  throw new WavspoolError(
    'REDIS_UNREACHABLE',
    `the redis-server on ${socket} (${(await redisServersOn(socket)).join(', ')}) was left behind by another "up" and does not end`,
  );
}

/**
 * The processes that the kernel knows. Its pid file is empty when the disk was full as it started; on a full disk, and while it
 * loads, it refuses PING; and one that was stopped says nothing at all.
 */
async function redisServersOn(socket: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map(async (pid) => ({ pid, command: await ours(pid) })));
  return commands.filter(({ command }) => isRedisServerOn(command, socket)).map(({ pid }) => Number(pid));
}

/** The command line of a process; '' for one of another user, where a kernel hides those: ours belong to this user. */
async function ours(pid: string): Promise<string> {
  try {
    return await commandLineOf(pid);
  } catch (error) {
    if (['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

/** Whether a command line, as `/proc/<pid>/cmdline` has it, is that of a redis-server (or its fork) on that socket. */
export function isRedisServerOn(command: string, socket: string): boolean {
  if (!/^redis-(?:server|aof-rewrite|rdb-bgsave)[\0 ]/.test(command)) return false;
  // as it was started, "--unixsocket\0<socket>\0"; once it runs it calls itself "redis-server unixsocket:<socket>"
  return ['\0', ':'].some((before) => {
    const at = command.indexOf(`${before}${socket}`);
    return at !== -1 && ['', '\0', ' '].includes(command.charAt(at + 1 + socket.length));
  });
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error; // it was quicker
  }
}
