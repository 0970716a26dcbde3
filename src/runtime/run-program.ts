import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';

export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to stderr, at most 16 KiB. */
  readonly stderr: string;
}

const STDERR_CHARACTERS = 16 * 1024;

/**
 * Runs a program to its end; an abort ends it by SIGTERM. What it writes to stdout is read and dropped: a program that writes
 * there notices that way when this process is gone. Throws PROGRAM_MISSING, with `remedy` behind the name.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { remedy, signal }: { remedy: string; signal: AbortSignal },
): Promise<Ended> {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARACTERS);
  });
  child.stdout.resume();
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal: killedBy, stderr: stderr.trim() };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new WavspoolError('PROGRAM_MISSING', `${program} is not installed: ${remedy}`, { cause: error });
    throw new WavspoolError('PROGRAM_MISSING', `${program} does not start: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', end);
  }
}
