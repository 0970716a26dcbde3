import { open } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';
import { runWithFiles } from './system-program.ts';

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
  const file = await open(path, 'a', 0o600); // never removed: a lock on a removed file would keep nobody out
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
