import { AsyncLocalStorage } from 'node:async_hooks';
import type { Called } from '../process/app.ts';
import type { GlobalOptions } from './global-options.ts';

/** What a command ends with: the process's exit code. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** What a command is called with beside its arguments. Several may run at once in one process, each in its own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Emits SIGINT and SIGTERM. */
  readonly signals: Pick<NodeJS.EventEmitter, 'once' | 'off'>;
}

/** Where a command writes to; a terminal knows its width. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

interface Running {
  readonly surroundings: Surroundings;
  exit: ExitCode;
}

const running = new AsyncLocalStorage<Running>();

/** Those of this process. */
export function ofProcess(): Surroundings {
  const { env, stdin, stdout, stderr } = process;
  return { env, cwd: process.cwd(), stdin, stdout, stderr, signals: process };
}

/** Those of the command that calls this; of the process outside of every command. */
export function surroundings(): Surroundings {
  return running.getStore()?.surroundings ?? ofProcess();
}

/** Sets what the command that calls this will end with. */
export function endWith(code: ExitCode): void {
  const command = running.getStore();
  if (command !== undefined) command.exit = code;
}

/** Runs `command` in these; resolves with what it said to end with, 0 unless it said. */
export async function within(given: Surroundings, command: () => Promise<void>): Promise<ExitCode> {
  const own: Running = { surroundings: given, exit: 0 };
  await running.run(own, command);
  return own.exit;
}

/** How what a command opens learns of its surroundings. */
export function calledWith({ config }: GlobalOptions): Called {
  const { env, cwd, stderr } = surroundings();
  return { configFile: config, env, cwd, stderr: (text) => void stderr.write(text) };
}
