import { execFile } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** It waits until the manager has taken the message in. */
const DEADLINE_MS = 5000;
/** A third of the time that systemd gives is what its manual advises to keep well within it. */
const SIGNS_PER_WATCHDOG = 3;

type Environment = Readonly<Record<string, string | undefined>>;

/** The service manager that started this process. */
export interface ServiceManager {
  /** How often it wants a sign of life, in ms; undefined: it wants none. */
  readonly signEveryMs: number | undefined;
  /** Hands over lines of sd_notify(3), `READY=1` for one. Rejects with what `systemd-notify` says. */
  tell(...lines: readonly string[]): Promise<void>;
}

/**
 * systemd, where a unit of `Type=notify` started this process; undefined anywhere else. It is told by its own program, because its
 * socket takes datagrams, which Node knows for the network only; the unit needs `NotifyAccess=all`. Pure but for what it returns.
 */
export function serviceManager(pid: number, env: Environment = process.env): ServiceManager | undefined {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  if (socket === '') return undefined;
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000;
  const isForUs = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(pid);
  return {
    signEveryMs: watchdogMs > 0 && isForUs ? Math.floor(watchdogMs / SIGNS_PER_WATCHDOG) : undefined,
    tell: async (...lines) => {
      const options = { timeout: DEADLINE_MS, env: { NOTIFY_SOCKET: socket, PATH: '/usr/bin:/bin' } };
      await run('systemd-notify', [`--pid=${pid}`, ...lines], options);
    },
  };
}

const STDERR = 2;

/** Whether the stderr of this process ends in the journal of systemd, which then takes `<3>` before a line for its priority. */
export function isJournalled(env: Environment = process.env): boolean {
  const told = env['JOURNAL_STREAM'] ?? '';
  if (told === '') return false;
  const { dev, ino } = fstatSync(STDERR); // the variable outlives a stderr that is led elsewhere
  return told === `${dev}:${ino}`;
}
