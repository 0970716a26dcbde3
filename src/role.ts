import { hostname } from 'node:os';
import { flushCompileCache } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openApp, type App } from './app.ts';
import { FAULTS, faultCode, messageOf } from './faults.ts';
import { reapplyPauses } from './pause/index.ts';
import type { Heartbeat, QueueKind, RunningWorker } from './queue/index.ts';
import { lowerPriority } from './runtime/index.ts';
import {
  BLOCKED_MS,
  PATIENCE,
  guardLoop,
  watchProgress,
  type Sample,
  type WatchdogLimits,
} from './watchdog/index.ts';

export const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'] as const;
export type RoleName = (typeof ROLES)[number];

/** One of the five roles: how it starts, and what it can be asked while it runs. */
export interface Role {
  readonly name: RoleName;
  /** Added to the nice value of a process that `up` has started for it, once it has started. */
  readonly nice?: number;
  start(app: App): Promise<RunningRole>;
}

export interface RunningRole {
  /** For the heartbeat and the watchdog; absent for a role without a queue. */
  readonly work?: {
    readonly queue: QueueKind;
    readonly worker: RunningWorker;
    /** Jobs that may run at once, over all processes. */
    readonly limit: number;
  };
  /** Takes no new work, finishes what runs within `graceMs` or hands it back; returns how many jobs it handed back. */
  stop(graceMs: number): Promise<number>;
}

/** How patient the watchdog of a process is. */
export interface Watchdog {
  readonly limits: Readonly<Record<QueueKind, WatchdogLimits>>;
  readonly everyMs: number;
  /** The event loop may be blocked for so long. */
  readonly blockedMs: number;
}

const WATCHDOG: Watchdog = { limits: PATIENCE, everyMs: 15_000, blockedMs: BLOCKED_MS };
/** EX_SOFTWARE: not a settings fault, so a supervisor tries again. */
const STALLED_EXIT = 70;
const HEARTBEAT_MS = 5000;
const LOOP_RESOLUTION_MS = 10;
/** Stopping takes the grace and what the queue's own goodbye takes; a process that is slower has lost its Redis. */
const STOP_MARGIN_MS = 8000;

/**
 * Runs roles in this process until SIGTERM or SIGINT (or the end of the supervisor that started it), then drains them
 * within `shutdownSeconds` and exits 0. Settings that can't be used exit 2, a state store that can't, 3.
 */
export async function runRoles(
  roles: readonly Role[],
  configFile: string | undefined,
  watchdog = WATCHDOG,
): Promise<void> {
  process.umask(0o027);
  const name = roles.map((role) => role.name).join('+');
  let app: App;
  try {
    app = await openApp(configFile, name);
  } catch (error) {
    process.stderr.write(`wavspool ${name}: ${messageOf(error)}\n`);
    process.exit(FAULTS[faultCode(error)].exit);
  }
  const stopRequested = untilAskedToStop();
  const startedAt = app.clock.monotonicMs();
  const running: RunningRole[] = [];
  try {
    for (const role of roles) running.push(await role.start(app));
  } catch (err) {
    app.report('unexpected fault', { err });
    process.exit(FAULTS[faultCode(err)].exit);
  }
  app.report('role started', { node: process.version });
  letOthersGoFirst(app, roles);
  flushCompileCache(); // where there is one, the next start is quick even if this process is killed
  const stopHeartbeat = startHeartbeat(app, name, running);
  const stopping = new AbortController();
  guardLoop(app.clock, app.report, stopping.signal, watchdog.blockedMs);
  const watchdogs = running.flatMap(({ work }) => (work === undefined ? [] : [watch(app, work, watchdog)]));

  const reason = await stopRequested;
  const graceMs = app.settings.shutdownSeconds * 1000;
  app.report('role stopping', { reason, graceMs });
  stopping.abort();
  for (const watching of watchdogs) watching.stop();
  void giveUpAfter(app, graceMs + STOP_MARGIN_MS);
  const handedBack = await Promise.all(running.map((role) => role.stop(graceMs)));
  await stopHeartbeat();
  app.report('role stopped', {
    ms: Math.round(app.clock.monotonicMs() - startedAt),
    handedBack: handedBack.reduce((sum, jobs) => sum + jobs, 0),
  });
  await app.close();
  process.exit(0);
}

/** Only a child of `up` leads a session of its own; any other process would take somebody's whole session with it. */
function letOthersGoFirst({ report }: App, roles: readonly Role[]): void {
  if (process.channel === undefined) return;
  for (const { nice } of roles) {
    if (nice === undefined) continue;
    try {
      lowerPriority(nice);
    } catch (err) {
      report('unexpected fault', { err }); // it is only about speed
    }
  }
}

function untilAskedToStop(): Promise<string> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve('SIGTERM'));
    process.on('SIGINT', () => resolve('SIGINT'));
    // `up` holds the other end: when it dies, even by SIGKILL, its roles end in order
    process.on('disconnect', () => resolve('the supervisor is gone'));
  });
}

async function giveUpAfter(app: App, ms: number): Promise<void> {
  await app.clock.sleep(ms);
  app.report('unexpected fault', {
    err: new Error(`stopping took longer than ${ms} ms; what ran is tried again`),
  });
  process.exit(0);
}

function startHeartbeat(app: App, role: string, running: readonly RunningRole[]): () => Promise<void> {
  const startedAt = app.clock.now();
  const recent = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  recent.enable();
  let longestMs = 0;
  let peakRssBytes = 0;
  const ended = new AbortController();
  const who = { role, host: hostname(), pid: process.pid };

  const beat = async (): Promise<void> => {
    // the histogram counts its own sampling interval as delay
    const loopRecentMs = Math.max(0, Math.round(recent.max / 1e6) - LOOP_RESOLUTION_MS);
    recent.reset();
    longestMs = Math.max(longestMs, loopRecentMs);
    const { rss } = process.memoryUsage();
    peakRssBytes = Math.max(peakRssBytes, process.resourceUsage().maxRSS * 1024, rss);
    const cpu = process.cpuUsage();
    const worker = running.find((one) => one.work !== undefined)?.work?.worker;
    const jobs = worker === undefined ? undefined : jobsOf(worker, app.clock.monotonicMs());
    await app.queues.shared.beat({
      ...who,
      startedAt,
      at: app.clock.now(),
      rssBytes: rss,
      peakRssBytes,
      cpuMs: Math.round((cpu.user + cpu.system) / 1000),
      loopMaxMs: longestMs,
      loopRecentMs,
      ...(jobs === undefined ? {} : { jobs }),
      counters: counters(app.log.counts()),
    });
    await reapplyPauses(app);
    // P2: like the pauses, the limits live in Redis, which may have forgotten them
    for (const { work } of running)
      if (work !== undefined) await app.queues[work.queue].limitConcurrency(work.limit);
  };

  const loop = (async () => {
    while (!ended.signal.aborted) {
      try {
        await beat();
      } catch (err) {
        app.report('heartbeat failed', { err });
      }
      await app.clock.sleep(HEARTBEAT_MS, ended.signal);
    }
  })();
  return async () => {
    ended.abort();
    await Promise.race([loop.then(() => app.queues.shared.leave(who)), app.clock.sleep(2000)]);
  };
}

function jobsOf(worker: RunningWorker, nowMs: number): NonNullable<Heartbeat['jobs']> {
  const lastFinishedAt = worker.lastFinishedAt();
  return {
    active: worker.active(),
    finished: worker.finished(),
    lastFinishedMsAgo: lastFinishedAt === undefined ? null : Math.round(nowMs - lastFinishedAt),
  };
}

/** Watches whether the role's work gets done. */
function watch(
  { queues, clock, report, log }: App,
  { queue, worker }: NonNullable<RunningRole['work']>,
  { limits, everyMs }: Watchdog,
): { stop(): void } {
  const look = async (): Promise<Sample> => {
    const { waiting, active } = await queues[queue].counts();
    const paused = await queues[queue].isPaused();
    const outage = queue === 'upload' ? await queues.shared.outage() : undefined;
    const heldBecause = paused ? 'paused' : (outage?.cause ?? (worker.isHeld() ? 'held' : undefined));
    return { waiting, active, activeHere: worker.active(), finished: worker.finished(), heldBecause };
  };
  const end = (): void => {
    log.close();
    process.exit(STALLED_EXIT);
  };
  const watched = { queue, look, recreate: () => worker.recreate() };
  return watchProgress(watched, limits[queue], everyMs, { clock, report, end });
}

/** Event names as metric names: `recording uploaded` → `recording_uploaded`. */
function counters(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([event, n]) => [event.replaceAll(' ', '_'), n]));
}
