import { spawn } from 'node:child_process';
import { childEnvironment, runProgram } from '../runtime/index.ts';

/**
 * Resolves when everything in the file system of `directory` is on disk, with false where that cannot be had. Throws
 * PROGRAM_MISSING, or the signal's reason.
 */
export type SyncFileSystem = (directory: string, signal: AbortSignal) => Promise<boolean>;

/** By coreutils' `sync -f`: Node has no syncfs(2). */
export const syncByProgram: SyncFileSystem = async (directory, signal) => {
  const remedy = 'apt-get install coreutils';
  const { code } = await runProgram('sync', ['-f', directory], { remedy, signal });
  signal.throwIfAborted();
  return code === 0;
};

export interface SyncShell {
  readonly sync: SyncFileSystem;
  /** Ends the shell, after what it is about. */
  close(): void;
}

/** Answers each line, a directory, with the exit code of its sync. */
const SCRIPT = 'while IFS= read -r directory; do sync -f -- "$directory" 2>/dev/null; echo $?; done';

/**
 * As {@link syncByProgram}, started by a small shell that stays: to start a program from a role takes 3 ms, for the kernel copies
 * its page tables first. A shell that ends is replaced by the next.
 */
export function createSyncShell(): SyncShell {
  let shell: Shell | undefined;
  return {
    sync: async (directory, signal) => {
      signal.throwIfAborted();
      if (directory.includes('\n')) return syncByProgram(directory, signal);
      if (shell?.hasEnded() !== false) shell = startShell();
      const code = await shell.ask(directory, signal);
      signal.throwIfAborted();
      return code === '0';
    },
    close: () => shell?.close(),
  };
}

interface Shell {
  hasEnded(): boolean;
  /** The answer to a line; undefined when the shell ended or `signal` aborted first. */
  ask(line: string, signal: AbortSignal): Promise<string | undefined>;
  close(): void;
}

function startShell(): Shell {
  const child = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'], env: childEnvironment() });
  let waiting: ((answer: string | undefined) => void)[] = [];
  let unread = '';
  let ended = false;
  const end = (): void => {
    ended = true;
    for (const answer of waiting) answer(undefined);
    waiting = [];
  };
  child.on('error', end).on('close', end);
  // without descriptors for its pipes (EMFILE) it has none, and `error` tells that it did not start
  const { stdin, stdout }: Partial<Pick<typeof child, 'stdin' | 'stdout'>> = child;
  if (stdin === undefined || stdout === undefined) ended = true;
  stdin?.on('error', () => undefined); // it has ended, which `close` tells
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (unread + text).split('\n');
    unread = lines.pop() ?? '';
    for (const line of lines) waiting.shift()?.(line);
  });
  return {
    hasEnded: () => ended,
    ask: (line, signal) =>
      new Promise((resolve) => {
        if (ended) return resolve(undefined);
        const giveUp = (): void => resolve(undefined);
        signal.addEventListener('abort', giveUp, { once: true });
        waiting.push((answer) => {
          signal.removeEventListener('abort', giveUp);
          resolve(answer);
        });
        stdin?.write(`${line}\n`);
      }),
    close: () => stdin?.end(),
  };
}
