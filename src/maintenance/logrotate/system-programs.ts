import { open } from 'node:fs/promises';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Takes the first `bytes` bytes, whole blocks, out of an open file at once; what follows moves to the front and not one
 * append is lost. undefined when it is done, else why this file system (or host) cannot.
 */
export type CollapseRange = (fd: number, bytes: number, lockFd: number) => Promise<string | undefined>;

/**
 * With fallocate(1): Node has no such call. It works on the open file, so no path can be swapped under it, and it holds the
 * log's lock, so that no process rotates the log while it still runs after its parent was killed.
 */
export const collapseWithFallocate: CollapseRange = async (fd, bytes, lockFd) => {
  const args = ['--collapse-range', '--offset', '0', '--length', String(bytes), '/proc/self/fd/3'];
  const end = await runWithFiles('fallocate', args, [fd, lockFd]);
  if (end.kind === 'missing') return 'the program fallocate, of util-linux, is missing';
  return end.code === 0
    ? undefined
    : end.said.replace(/^fallocate: /, '') || `fallocate ended with ${end.code}`;
};

/** Whole blocks before `until` in a file of `size` bytes: a range that reaches the end of the file cannot be collapsed. */
export function collapsibleBytes(until: number, size: number, blockBytes: number): number {
  const whole = Math.floor(until / blockBytes) * blockBytes;
  return whole >= size ? Math.max(0, whole - blockBytes) : whole;
}

export interface LogLock extends AsyncDisposable {
  /** To be handed to every child that touches the log: the lock is held until the last copy of it is closed. */
  readonly fd: number;
}

/**
 * Takes the lock at `path` that keeps two rotations of one log apart, over all processes of this host. It is the kernel's
 * flock on an open file that flock(1) shares with this process, so it ends with its last holder, however that dies; a child
 * that still cuts the log when its parent was killed holds it as well. Throws LOG_LOCKED after `waitSeconds`, or
 * PROGRAM_MISSING.
 */
export async function lockLog(log: string, path: string, waitSeconds: number): Promise<LogLock> {
  const file = await open(path, 'a', 0o600); // never removed: a lock on a removed file would keep no process out
  try {
    const end = await runWithFiles('flock', ['-w', String(waitSeconds), '3'], [file.fd]);
    if (end.kind === 'missing')
      throw new WavspoolError('PROGRAM_MISSING', 'rotating logs needs the program flock, of util-linux');
    if (end.code !== 0) {
      const why = end.said === '' ? `still locked after ${waitSeconds} s` : end.said;
      throw new WavspoolError('LOG_LOCKED', `${log}: another process is rotating it (${path}: ${why})`);
    }
    return { fd: file.fd, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export type ProgramEnd =
  | { readonly kind: 'ended'; readonly code: number; readonly said: string }
  | { readonly kind: 'missing' };

/** Programs of the system, not what a PATH of the service may put before them; their messages in English. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Runs a program with open files of ours as its descriptors 3, 4, …; a killed one ends with code 255. */
export async function runWithFiles(
  program: string,
  args: readonly string[],
  descriptors: readonly number[],
): Promise<ProgramEnd> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    env: ENVIRONMENT,
  });
  let said = '';
  child.stderr?.on('data', (chunk) => (said += String(chunk)));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { kind: 'ended', code: code ?? 255, said: said.trim() };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { kind: 'missing' };
    throw error;
  }
}
