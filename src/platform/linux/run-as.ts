import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { heardFault, type ToldFault } from '../../domain/told-fault.ts';
import { ledAstray } from './led-astray.ts';
import type { User } from './worker-of.ts';

/** Of the files that are handed over. */
export const FIRST_DESCRIPTOR = 4;

const PROGRAM = join(import.meta.dirname, 'run-as-process.ts');

/** What the other end is asked for: to be that user, and to run that module. */
export interface AskedAs {
  readonly module: string;
  readonly user: User;
  readonly input: object;
}

/** What it says. */
export type SaidAs =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'fault'; readonly fault: ToldFault };

export interface RunAs {
  readonly user: User;
  /** Open files of this process that become the other's, from {@link FIRST_DESCRIPTOR} on. */
  readonly descriptors?: readonly number[];
}

/**
 * Runs `run` of the module at `module` with `input` in a process that has the rights of `user` and no other: what he swaps in
 * his directories leads nowhere that he could not go himself. The process loads all code before it changes its user, for the
 * code may lie where he cannot read. It ends with this process. Throws the fault of `run`, or the abort's reason; PATH_UNSAFE where
 * he may not do there what was to be done, or swapped something meanwhile.
 */
export async function runAs<O>(
  module: URL,
  input: object,
  { user, descriptors = [] }: RunAs,
  signal: AbortSignal,
): Promise<O> {
  signal.throwIfAborted();
  const child = fork(PROGRAM, [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...descriptors],
    execArgv: [],
    cwd: '/',
    env: {}, // secrets of the settings are in ours
    serialization: 'advanced',
  });
  const abort = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', abort, { once: true });
  try {
    return (await answerOf(child, { module: module.href, user, input })) as O;
  } catch (error) {
    signal.throwIfAborted();
    const problem = `the owner of what is named there (uid ${user.uid}) may not do that there, or changes it meanwhile`;
    throw ledAstray(error, problem);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves when the process is gone, so that all that it held is free. */
function answerOf(child: ChildProcess, asked: AskedAs): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: SaidAs | undefined;
    child.on('message', (said: SaidAs) => (last = said));
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (last?.kind === 'done') resolve(last.result);
      else if (last?.kind === 'fault') reject(heardFault(last.fault));
      else reject(new Error(`the process for ${asked.module} ended with ${signal ?? code}`));
    });
    child.send(asked, (error) => {
      if (error !== null) reject(error);
    });
  });
}
