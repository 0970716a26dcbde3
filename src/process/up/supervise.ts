import { spawn, type ChildProcess } from 'node:child_process';
import { backOffMs } from '../../domain/back-off.ts';
import type { Report } from '../../domain/events.ts';
import { BLOCKED_MS } from '../../operate/watchdog/index.ts';
import { startGrace, type Clock } from '../../platform/runtime/index.ts';
import { countBeats } from './count-beats.ts';

const FIRST_RESTART_MS = 1000;
const SLOWEST_RESTART_MS = 60_000;
/** A child that lived this long had recovered: its next death is a first one again. */
const STABLE_MS = 60_000;

/** How long to wait before the restart that follows `deaths` deaths in a row: 1 s, 2 s, 4 s … 60 s. */
export function restartDelayMs(deaths: number): number {
  return backOffMs(deaths, FIRST_RESTART_MS, SLOWEST_RESTART_MS);
}

export interface Supervised {
  readonly name: string;
  readonly pid: () => number | undefined;
  /** Ends the child with SIGTERM, after `graceMs` with SIGKILL; resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly pid: number;
}

interface Surroundings {
  /** Its working directory; ours unless it is given. */
  readonly cwd?: string;
  /** Its environment: the whole of ours only for a role, which reads the settings (P9). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly beforeRestart?: (ended: Ended) => Promise<void>;
}

/**
 * Runs a program as a child that is started again, with growing delay, whenever it dies; `beforeRestart` may mend what made it
 * die, and is reported when it rejects. One that sends beats is ended when it has sent none for 45 s.
 */
export function supervise(
  name: string,
  command: readonly [string, ...string[]],
  deps: { readonly clock: Clock; readonly report: Report },
  { cwd, env, beforeRestart }: Surroundings,
): Supervised {
  const { clock, report } = deps;
  const stopping = new AbortController();
  let child: ChildProcess | undefined;

  const runOnce = (): Promise<Ended> =>
    new Promise((resolve) => {
      const [program, ...args] = command;
      // a process group of its own: Ctrl-C reaches us alone, and we end the children in order
      const started = spawn(program, args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        detached: true,
        ...(cwd !== undefined && { cwd }),
        env,
      });
      child = started;
      const pid = started.pid ?? 0;
      endWhenBlocked(name, started, deps);
      started.on('error', (err) => {
        report('program not started', { program: name, err });
        resolve({ exitCode: null, signal: null, pid });
      });
      started.on('exit', (exitCode, signal) => resolve({ exitCode, signal, pid }));
    });

  const loop = (async () => {
    let deaths = 0;
    while (!stopping.signal.aborted) {
      const startedAt = clock.monotonicMs();
      const ended = await runOnce();
      if (stopping.signal.aborted) return;
      deaths = clock.monotonicMs() - startedAt > STABLE_MS ? 1 : deaths + 1;
      const restartMs = restartDelayMs(deaths);
      const { exitCode, signal } = ended;
      report('role died', { died: name, diedPid: ended.pid, exitCode, signal, restartMs });
      await clock.sleep(restartMs, stopping.signal);
      await beforeRestart?.(ended).catch((err: unknown) =>
        report('restart not prepared', { died: name, err }),
      );
    }
  })();

  return {
    name,
    pid: () => child?.pid,
    stop: async (graceMs) => {
      stopping.abort();
      child?.kill('SIGTERM');
      const grace = startGrace(clock, graceMs, () => child?.kill('SIGKILL'));
      await loop;
      await grace.over();
    },
  };
}

/** Ends a child that has sent beats and sends none any more. */
function endWhenBlocked(
  name: string,
  child: ChildProcess,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): void {
  const ended = new AbortController();
  const counted = countBeats(clock, ended.signal, () => {
    report('role blocked', { blocked: name, blockedMs: BLOCKED_MS });
    child.kill('SIGKILL');
  });
  child.on('message', () => counted.beat());
  child.on('exit', () => ended.abort());
}
