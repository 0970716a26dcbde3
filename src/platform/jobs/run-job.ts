import { join } from 'node:path';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, faultCode, messageOf } from '../../domain/faults.ts';
import type { Trigger } from '../../domain/run-log.ts';
import type { Tenure } from '../../domain/lease.ts';
import { isoTime, makeDirectory, type Clock } from '../runtime/index.ts';
import { takeExclusiveLock, type ExclusiveLock } from '../sqlite/index.ts';
import { dueRun, type When } from './due.ts';
import type { Journal } from './journal.ts';
import { ping } from './ping.ts';

/** Something that is done at times, by one process at a time. */
export interface Job<R extends object = object> {
  /** What it does to what, in words: `snapshot state daily`. */
  readonly id: string;
  /** Jobs that get into each other's way share it: at most one of them runs. */
  readonly lock: string;
  /** Whose it is: the site's runs once over all of its hosts, a host's on each. */
  readonly of?: 'site' | 'host';
  /** What a host's reads and writes: other processes of the machine that see the same may have the same job. */
  readonly files?: readonly string[];
  /** How long a run that is due waits for those that share its lock; absent: not at all, a later look finds it due still. */
  readonly patienceMs?: number;
  /** Absent for one that runs only when it is asked for. */
  readonly when?: When;
  readonly ping?: string;
  /** Whether a run that is due has anything to do; absent: always. */
  readonly isNeeded?: () => Promise<boolean>;
  /** Whether a run is reported and noted in the journal; absent: each is. One that fails always is. */
  isNews?(result: R): boolean;
  /** Returns what it did, ready for JSON. Safe to repeat, also after a crash. What it makes final in the ledger is under the tenure. */
  run(signal: AbortSignal, tenure?: Tenure): Promise<R>;
}

/** By what right a job runs. */
export interface Turn {
  readonly tenure?: Tenure;
  /** Aborts when the right is lost. */
  readonly lost?: AbortSignal;
}

/** Where the runs of a site's, or of a host's, jobs are noted, and whose turn it is. */
export interface Keeper {
  readonly journal: Journal;
  /** Undefined while it is another process's turn. */
  turn(job: string): Turn | undefined;
}

export interface RunDeps {
  /** Of this host. */
  readonly journal: Journal;
  /** Where hosts share their ledger; absent: everything that is due is this host's to run. */
  readonly keepers?: { readonly site: Keeper; readonly host: Keeper };
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly report: Report;
}

export interface Asked {
  readonly by: Trigger;
  /** The wall clock time that it was due at; absent when no schedule asked. */
  readonly due?: string;
  /** How long another run of it, or of one that shares its lock, is waited for. */
  readonly patienceMs: number;
}

const LOOK_AGAIN_MS = 250;

/**
 * Runs a job once: alone over all processes of this host, noted in the journal, told to its dead-man switch, reported with
 * its duration. Throws what the job throws, JOB_RUNNING when it does not get its turn in time, LEASE_LOST, or the abort's reason.
 */
export async function runJob<R extends object>(
  deps: RunDeps,
  job: Job<R>,
  asked: Asked,
  signal: AbortSignal,
): Promise<R> {
  const lock = await takeTurn(deps, job.lock, asked.patienceMs, signal);
  try {
    const { journal } = keeperOf(deps, job);
    return await runLocked({ ...deps, journal }, job, asked, signal, {});
  } finally {
    lock.release();
  }
}

/**
 * Runs a job as {@link runJob} does if it is due, once for each time that it is, however many processes ask at once: the one that has
 * its turn looks again whether another was quicker. Returns whether it ran. Throws JOB_RUNNING after the job's patience: it is still
 * due then.
 */
export async function runDue(
  deps: RunDeps & { readonly timezone: string },
  job: Job,
  signal: AbortSignal,
): Promise<boolean> {
  if ((await dueNow(deps, job)) === undefined) return false;
  const lock = await takeTurn(deps, job.lock, job.patienceMs ?? 0, signal);
  try {
    const keeper = keeperOf(deps, job);
    const right = keeper.turn(job.id);
    const due = await dueNow(deps, job);
    if (due === undefined || right === undefined) return false;
    await runLocked({ ...deps, journal: keeper.journal }, job, { by: 'schedule', due }, signal, right);
    return true;
  } finally {
    lock.release();
  }
}

async function runLocked<R extends object>(
  { journal, clock, report }: RunDeps,
  job: Job<R>,
  { by, due }: Pick<Asked, 'by' | 'due'>,
  stop: AbortSignal,
  { tenure, lost }: Turn,
): Promise<R> {
  const signal = lost === undefined ? stop : AbortSignal.any([stop, lost]);
  const begunMs = clock.monotonicMs();
  const ms = (): number => Math.round(clock.monotonicMs() - begunMs);
  const isQuiet = job.isNews !== undefined;
  const startedAt = await timeOf(journal, clock);
  const begun = await journal.begin({ job: job.id, by, due, startedAt, isQuiet }, tenure);
  if (job.ping !== undefined) await ping(job.ping, { kind: 'start' }, job.id, report);
  try {
    const result = await job.run(signal, tenure);
    if (job.isNews?.(result) ?? true) {
      await begun.done(startedAt + ms(), result);
      report('job done', { job: job.id, by, ms: ms() });
    }
    if (job.ping !== undefined) await ping(job.ping, { kind: 'success' }, job.id, report);
    return result;
  } catch (error) {
    signal.throwIfAborted(); // not its fault: it stays noted as running, and is begun again at once
    if (faultCode(error) === 'LEASE_LOST') throw error; // another process has begun it again
    await begun.failed(startedAt + ms(), messageOf(error));
    // who asked for it is told by what is thrown
    if (by === 'schedule') report('job failed', { job: job.id, err: error });
    const reason = messageOf(error);
    if (job.ping !== undefined) await ping(job.ping, { kind: 'fail', reason }, job.id, report);
    throw error;
  }
}

function keeperOf(
  { journal, keepers }: Omit<RunDeps, 'dataDirectory'>,
  { of = 'host' }: Pick<Job, 'of'>,
): Keeper {
  return keepers?.[of] ?? { journal, turn: () => ({}) };
}

function timeOf(journal: Journal, clock: Clock): Promise<number> {
  return journal.now?.() ?? Promise.resolve(clock.now());
}

/**
 * The wall clock time of the run of a job that is due now and has something to do. A clock that was ahead is reported, once for
 * each job that it let run.
 */
export async function dueNow(
  deps: Omit<RunDeps, 'dataDirectory'> & { readonly timezone: string },
  job: Job,
): Promise<string | undefined> {
  const { clock, report, timezone } = deps;
  const keeper = keeperOf(deps, job);
  const { journal } = keeper;
  if (job.when === undefined || keeper.turn(job.id) === undefined) return undefined;
  const now = await timeOf(journal, clock);
  const ahead = await journal.disownFuture(job.id, now);
  if (ahead !== undefined)
    report('clock was ahead', { job: job.id, runs: ahead.runs, until: isoTime(ahead.until) });
  const due = dueRun(job.when, timezone, now, await journal.past(job.id, now, timezone));
  return due !== undefined && (job.isNeeded === undefined || (await job.isNeeded())) ? due : undefined;
}

/**
 * Waits until no process of this host holds `lock`, and takes it; it goes with the process at the latest. Throws JOB_RUNNING
 * when that takes longer than `patienceMs`, or the abort's reason.
 */
async function takeTurn(
  { clock, dataDirectory }: Pick<RunDeps, 'clock' | 'dataDirectory'>,
  lock: string,
  patienceMs: number,
  signal: AbortSignal,
): Promise<ExclusiveLock> {
  const directory = join(dataDirectory, 'jobs');
  await makeDirectory(directory);
  const file = join(directory, `${lock.replaceAll(/[^\w.-]/g, '~')}.lock`);
  const deadline = clock.monotonicMs() + patienceMs;
  for (;;) {
    const held = takeExclusiveLock(file);
    if (held !== undefined) return held;
    if (clock.monotonicMs() >= deadline)
      throw new WavspoolError('JOB_RUNNING', `${lock}: it, or what it must not meet, is running already`);
    await clock.sleep(LOOK_AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}
