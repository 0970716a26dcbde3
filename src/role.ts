import { flushCompileCache } from 'node:module';
import { openApp, type App } from './app.ts';
import { FAULTS, faultCode, messageOf } from './faults.ts';
import { jobsOf, startHeartbeat, type Heartbeating } from './heartbeat.ts';
import type { HeldWork, QueueKind, RunningWorker } from './queue/index.ts';
import { answerHealth, type OwnFacts, type OwnStall } from './role-health/index.ts';
import { lowerPriority } from './runtime/index.ts';
import {
  BLOCKED_MS,
  PATIENCE,
  guardLoop,
  watchProgress,
  type Sample,
  type WatchdogLimits,
  type Watching,
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
  /** What it does not do now although there is work, and why; absent, or undefined, while it does all of it. */
  readonly held?: () => HeldWork | undefined;
  /** For a role without a queue: why it does not get on although it should; undefined while it does. */
  readonly stall?: () => OwnStall | undefined;
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
  const watchdogs = new Map<RunningRole, Watching>();
  let heartbeat: Heartbeating | undefined;
  // before they start: a start may wait for Redis for hours, and lives all the while
  const answering = roles.map(({ name }, at) =>
    answerHealth({ ...app, data: app.settings.paths.data }, name, () =>
      ownFacts(app, startedAt, running[at], watchdogs, heartbeat),
    ),
  );
  try {
    for (const role of roles) running.push(await role.start(app));
  } catch (err) {
    app.report('unexpected fault', { err });
    process.exit(FAULTS[faultCode(err)].exit);
  }
  app.report('role started', { node: process.version });
  letOthersGoFirst(app, roles);
  flushCompileCache(); // where there is one, the next start is quick even if this process is killed
  heartbeat = startHeartbeat(
    app,
    roles.map((role, at) => ({ name: role.name, running: running[at] })),
  );
  const stopping = new AbortController();
  guardLoop(app.clock, app.report, stopping.signal, watchdog.blockedMs);
  for (const role of running)
    if (role.work !== undefined) watchdogs.set(role, watch(app, role.work, watchdog));

  const reason = await stopRequested;
  const graceMs = app.settings.shutdownSeconds * 1000;
  app.report('role stopping', { reason, graceMs });
  stopping.abort();
  for (const watching of watchdogs.values()) watching.stop();
  void giveUpAfter(app, graceMs + STOP_MARGIN_MS);
  const handedBack = await Promise.all(running.map((role) => role.stop(graceMs)));
  await heartbeat.stop();
  await Promise.all(answering.map((one) => one.close()));
  app.report('role stopped', {
    ms: Math.round(app.clock.monotonicMs() - startedAt),
    handedBack: handedBack.reduce((sum, jobs) => sum + jobs, 0),
  });
  await app.close();
  process.exit(0);
}

/** What a role can say of itself; `startedAt` is monotonic, as all that `app.clock` measures. */
function ownFacts(
  { clock, state }: App,
  startedAt: number,
  running: RunningRole | undefined,
  watchdogs: ReadonlyMap<RunningRole, Watching>,
  heartbeat: Heartbeating | undefined,
): OwnFacts {
  return {
    startedAt: clock.now() - (clock.monotonicMs() - startedAt),
    running: running !== undefined,
    stall: running?.stall?.() ?? (running && watchdogs.get(running)?.stall()),
    held: running?.held?.(),
    stateTrouble: state.trouble(),
    redisAwaySince: heartbeat?.redisAwaySince(),
    ...jobsOf(running, clock.monotonicMs()),
  };
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

/** Watches whether the role's work gets done. */
function watch(
  { queues, clock, report, log }: App,
  { queue, worker }: NonNullable<RunningRole['work']>,
  { limits, everyMs }: Watchdog,
): Watching {
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
