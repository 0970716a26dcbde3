import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { childEnvironment } from './child-environment.ts';

export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to stderr, at most 16 KiB unless more was asked for. */
  readonly stderr: string;
}

interface Options {
  /** What to do where the program is not installed; it stands behind its name in the error. */
  readonly remedy: string;
  readonly signal: AbortSignal;
  /** What is open here that it gets as its descriptors 3 and following. */
  readonly descriptors?: readonly number[];
  /** How much of the end of its stderr is kept. */
  readonly stderrCharacters?: number;
}

const STDERR_CHARACTERS = 16 * 1024;

/** Runs a program to its end, its stdout unread; an abort ends it by SIGTERM. Throws PROGRAM_MISSING. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { remedy, signal, descriptors = [], stderrCharacters = STDERR_CHARACTERS }: Options,
): Promise<Ended> {
  signal.throwIfAborted();
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    env: { ...childEnvironment(), LC_ALL: 'C.UTF-8' }, // what it says is judged, so it is said in English
  });
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrCharacters);
  });
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal: killedBy, stderr: stderr.trim() };
  } catch (error) {
    const problem = errnoOf(error) === 'ENOENT' ? 'is not installed' : `does not start (${messageOf(error)})`;
    throw new WavspoolError('PROGRAM_MISSING', `${program} ${problem}: ${remedy}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', end);
  }
}

const NOT_FOUND = 127;

/**
 * As {@link runProgram}, for a program that must not go on when this process is killed: Linux's setpriv (util-linux) has the
 * kernel end it then. Throws PROGRAM_MISSING for either of them.
 */
export async function runProgramWhileAlive(
  program: string,
  args: readonly string[],
  { remedy, ...options }: Options,
): Promise<Ended> {
  const tied = ['--pdeathsig', 'KILL', '--', program, ...args];
  const ended = await runProgram('setpriv', tied, { remedy: 'apt-get install util-linux', ...options });
  if (ended.code !== NOT_FOUND) return ended;
  throw new WavspoolError('PROGRAM_MISSING', `${program} is not installed: ${remedy}`);
}
