import { flushCompileCache } from 'node:module';
import { openApp, whyNoRecordings, type App, type HostApp } from './app.ts';
import { FAULTS, WavspoolError, faultCode, messageOf } from '../domain/faults.ts';
import { jobsOf, startHeartbeat, type Heartbeating } from './heartbeat.ts';
import {
  ALONE,
  UNKNOWN,
  joinSite,
  keepJoined,
  mayBeOnManyHosts,
  type Membership,
} from './site-directories.ts';
import type { QueueKind, Queues, RunningRole } from '../platform/queue/index.ts';
import { usedRoles, type RoleName } from '../domain/role-names.ts';
import { answerHealth, ownVerdict, type OwnFacts } from '../operate/role-health/index.ts';
import { every, giveBackMemory, lowerPriority, serviceManager } from '../platform/runtime/index.ts';
import { giveSigns, tell } from './tell-service-manager.ts';
import {
  BLOCKED_MS,
  PATIENCE,
  beatForSupervisor,
  guardLoop,
  watchProgress,
  type Sample,
  type WatchdogLimits,
  type Watching,
} from '../operate/watchdog/index.ts';

/** One of the five roles: how it starts, and what it can be asked while it runs. */
export type Role = RecordingsRole | HostRole;

interface AnyRole {
  readonly name: RoleName;
  /** Added to the nice value of a process that `up` has started for it, once it has started. */
  readonly nice?: number;
}

/** One that works through Redis. */
export interface RecordingsRole extends AnyRole {
  readonly name: Exclude<RoleName, HostRole['name']>;
  start(app: App): Promise<RunningRole>;
}

/** One that any host may have work for. */
export interface HostRole extends AnyRole {
  readonly name: 'maintain' | 'dashboard';
  start(app: HostApp): Promise<RunningRole>;
}

/** How patient the watchdog of a process is. */
export interface Watchdog {
  readonly limits: Readonly<Record<QueueKind, WatchdogLimits>>;
  readonly everyMs: number;
  /** The event loop may be blocked for so long. */
  readonly blockedMs: number;
  /** The supervisor counts our beats, so that no thread of ours has to. */
  readonly beats?: boolean;
}

export const WATCHDOG: Watchdog = { limits: PATIENCE, everyMs: 15_000, blockedMs: BLOCKED_MS };
/** EX_SOFTWARE: not a settings fault, so a supervisor tries again. */
const STALLED_EXIT = 70;
/** So often a role looks whether `state.db` is still the file that it has open. */
const STATE_LOOK_MS = 1000;
/** So often a role looks whether the others of its site work in the same directories. */
const SITE_LOOK_MS = 5000;
/** Stopping takes the grace and what the queue's own goodbye takes; a process that is slower has lost its Redis. */
const STOP_MARGIN_MS = 8000;
/** So long one that gives up waits for its health sockets to go: nothing that is left is to look like a role that hangs. */
const LEAVE_MS = 1000;

/**
 * Runs roles in this process until SIGTERM, SIGINT or SIGHUP (or the end of the supervisor that started it), then drains them
 * within `shutdownSeconds` and exits 0. Settings that can't be used exit 2, a state store that can't, 3.
 */
export async function runRoles(
  roles: readonly Role[],
  configFile: string | undefined,
  watchdog = WATCHDOG,
): Promise<void> {
  process.umask(0o027);
  const app = await openOrExit(roles, configFile);
  const stopRequested = untilAskedToStop();
  const startedAt = app.clock.monotonicMs();
  const running: RunningRole[] = [];
  const watchdogs = new Map<RunningRole, Watching>();
  let heartbeat: Heartbeating | undefined;
  // before they start: a start may wait for Redis for hours, and lives all the while
  const factsOf = (at: number): OwnFacts => ownFacts(app, startedAt, running[at], watchdogs, heartbeat);
  const answering = roles.map(({ name }, at) =>
    answerHealth({ ...app, data: app.settings.paths.data }, name, () => factsOf(at)),
  );
  const stopping = new AbortController();
  const manager = serviceManager(process.pid);
  void tell(manager, app.report, 'READY=1');
  const isAlive = (): boolean =>
    roles.every((role, at) => ownVerdict(role.name, factsOf(at), app.clock.now()).alive);
  void giveSigns(manager, isAlive, app, stopping.signal);
  void endWhenStateIsAnother(app, stopping.signal);
  const starting = startAll(app, roles, running, stopping.signal);
  const site = await Promise.race([starting, stopRequested.then(() => undefined)]);
  if (site !== undefined) {
    app.report('role started', { node: process.version });
    letOthersGoFirst(app, roles);
    flushCompileCache(); // where there is one, the next start is quick even if this process is killed
    heartbeat = startHeartbeat(
      app,
      roles.map((role, at) => ({ name: role.name, running: running[at] })),
      site,
    );
    void stayInSite(app, site, stopping.signal);
    keepProcess(app, stopping.signal, watchdog);
    for (const role of running) {
      const watching = watch(app, role, watchdog);
      if (watching !== undefined) watchdogs.set(role, watching);
    }
  }

  const reason = await stopRequested;
  const graceMs = app.settings.shutdownSeconds * 1000;
  app.report('role stopping', { reason, graceMs });
  stopping.abort();
  void tell(manager, app.report, 'STOPPING=1', `STATUS=${reason}: what runs is finished or released`);
  for (const watching of watchdogs.values()) watching.stop();
  const silence = once(() => Promise.all(answering.map((one) => one.close())));
  void giveUpAfter(app, graceMs + STOP_MARGIN_MS, silence);
  const released = await stopAll(running, graceMs);
  await heartbeat?.stop();
  await silence();
  app.report('role stopped', { ms: Math.round(app.clock.monotonicMs() - startedAt), released });
  await app.close();
  process.exit(0);
}

/** Keeps this process small while it is quiet, and has it ended, by its supervisor or a thread of its own, when its event loop is blocked. */
function keepProcess({ clock, report }: HostApp, signal: AbortSignal, watchdog: Watchdog): void {
  void giveBackMemory({ clock, signal });
  if (watchdog.beats === true && process.connected) void beatForSupervisor(clock);
  else guardLoop(clock, report, signal, watchdog.blockedMs);
}

async function openOrExit(roles: readonly Role[], configFile: string | undefined): Promise<HostApp> {
  const name = roles.map((role) => role.name).join('+');
  try {
    const app = await openApp(configFile, name);
    refuseUnused(roles, app);
    return app;
  } catch (error) {
    process.stderr.write(`wavspool ${name}: ${messageOf(error)}\n`);
    return process.exit(FAULTS[faultCode(error)].exit);
  }
}

/** Stops roles, each within the grace; returns how many jobs were released. */
async function stopAll(roles: readonly RunningRole[], graceMs: number): Promise<number> {
  const released = await Promise.all(roles.map((role) => role.stop(graceMs)));
  return released.reduce((sum, jobs) => sum + jobs, 0);
}

/** What a role can say of itself; `startedAt` is monotonic, as all that `app.clock` measures. */
function ownFacts(
  { clock, ledger }: HostApp,
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
    stateTrouble: ledger.trouble(),
    redisAwaySince: heartbeat?.redisAwaySince(),
    ...jobsOf(running, clock.monotonicMs()),
  };
}

/** Throws USAGE for a role that these settings have no work for. */
function refuseUnused(roles: readonly Role[], { loaded }: HostApp): void {
  const used = usedRoles(loaded.parts);
  const unused = roles.filter(({ name }) => !used.includes(name)).map(({ name }) => name);
  if (unused.length === 0) return;
  const message = `${whyNoRecordings(loaded)}, so it has no work for ${unused.join(', ')}; it has for ${used.join(', ')}`;
  throw new WavspoolError('USAGE', message);
}

/**
 * Starts the roles one after the other and adds each to `running`; resolves with their membership of the site. None is begun after the
 * signal. What a start throws ends this process with its exit code.
 */
async function startAll(
  app: HostApp,
  roles: readonly Role[],
  running: RunningRole[],
  signal: AbortSignal,
): Promise<Membership> {
  try {
    const site = await join(app, roles);
    for (const role of roles) if (!signal.aborted) running.push(await start(role, app));
    return site;
  } catch (err) {
    app.report('role not started', { err });
    return process.exit(FAULTS[faultCode(err)].exit);
  }
}

async function start(role: Role, { queues, ...app }: HostApp): Promise<RunningRole> {
  if (role.name === 'maintain' || role.name === 'dashboard') return role.start({ ...app, queues });
  if (queues === undefined) throw new WavspoolError('UNKNOWN', `${role.name} was started without Redis`);
  return role.start({ ...app, queues });
}

/** Only a child of `up` leads a session of its own; any other process would take a whole session with it. */
function letOthersGoFirst({ report }: HostApp, roles: readonly Role[]): void {
  if (process.channel === undefined) return;
  for (const { nice } of roles) {
    if (nice === undefined) continue;
    try {
      lowerPriority(nice);
    } catch (err) {
      report('priority not lowered', { nice, err }); // it is only about speed
    }
  }
}

/**
 * Ends this process once another file has the name of `state.db`, so that a supervisor starts it anew on that one; meanwhile
 * nothing is written. While no file has the name, it waits: what it has open may be all that is left.
 */
async function endWhenStateIsAnother(
  { ledger, settings, clock, report, reporting }: HostApp,
  signal: AbortSignal,
): Promise<void> {
  while (ledger.moved() !== 'replaced') {
    await clock.sleep(STATE_LOOK_MS, signal);
    if (signal.aborted) return;
  }
  report('state replaced', { file: settings.paths.state });
  reporting.close();
  process.exit(STALLED_EXIT);
}

/**
 * The roles whose jobs name paths join their site before they start. The maintain role works without Redis too, so it does not wait: it
 * compares later, and it is the one that may write where the others mount the landing directory read-only.
 */
async function join(app: HostApp, roles: readonly Role[]): Promise<Membership> {
  const names = roles.map(({ name }) => name);
  if (!mayBeOnManyHosts(app) || names.every((name) => name === 'dashboard')) return ALONE;
  const startedAt = app.clock.now();
  const waits = names.some((name) => name !== 'maintain' && name !== 'dashboard');
  return keepJoined(app, waits ? await joinSite(app) : UNKNOWN, startedAt);
}

/** Ends this process once roles of the same site that started earlier prove to work in other directories. */
async function stayInSite(
  { clock, report, reporting }: HostApp,
  site: Membership,
  signal: AbortSignal,
): Promise<void> {
  const failed = (err: unknown, times: number): void => {
    if (faultCode(err) !== 'SITE_ELSEWHERE') return report('directories not compared', { err, times });
    report('site elsewhere', { err });
    reporting.close();
    process.exit(FAULTS.SITE_ELSEWHERE.exit);
  };
  await every(SITE_LOOK_MS, site.renew, { clock, signal, failed });
}

function untilAskedToStop(): Promise<string> {
  return new Promise((resolve) => {
    // of a terminal that closes, or of an operator who is used to reload so: it ends in order
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    // `up` holds the other end: when it dies, even by SIGKILL, its roles end in order
    const isGone = (): void => resolve('the supervisor is gone');
    process.on('disconnect', isGone);
    if ('connected' in process && !process.connected) isGone(); // it died while this process loaded its code
  });
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | undefined;
  return () => (begun ??= act());
}

async function giveUpAfter(app: HostApp, ms: number, leave: () => Promise<unknown>): Promise<void> {
  await app.clock.sleep(ms);
  app.report('role not stopped in time', { ms }); // what ran is tried again
  try {
    await Promise.race([leave(), app.clock.sleep(LEAVE_MS)]);
  } finally {
    process.exit(0);
  }
}

/** Watches whether the role's work gets done; undefined for one that works off nothing. */
function watch(
  { queues, clock, report, reporting }: HostApp,
  { work, unqueued }: RunningRole,
  { limits, everyMs }: Watchdog,
): Watching | undefined {
  const end = (): void => {
    reporting.close();
    process.exit(STALLED_EXIT);
  };
  const deps = { clock, report, end };
  if (work !== undefined && queues !== undefined) {
    const { queue, worker } = work;
    const look = (): Promise<Sample> => lookAtQueue(queues, work);
    return watchProgress({ queue, look, recreate: () => worker.recreate() }, limits[queue], everyMs, deps);
  }
  if (unqueued === undefined) return undefined;
  // nothing waits in a queue that a worker must take it from: only what never ends is a fault here
  const look = (): Promise<Sample> => {
    const active = unqueued.active();
    const finished = unqueued.finished();
    return Promise.resolve({ waiting: 0, active, activeHere: active, finished, heldBecause: undefined });
  };
  const watched = { queue: 'maintenance', look, recreate: () => Promise.resolve() };
  return watchProgress(watched, limits.maintenance, everyMs, deps);
}

async function lookAtQueue(
  queues: Queues,
  { queue, worker }: NonNullable<RunningRole['work']>,
): Promise<Sample> {
  const { waiting, active } = await queues[queue].counts();
  const paused = await queues[queue].isPaused();
  const outage = queue === 'upload' ? await queues.shared.outage() : undefined;
  const heldBecause = paused ? 'paused' : (outage?.cause ?? (worker.isHeld() ? 'held' : undefined));
  return { waiting, active, activeHere: worker.active(), finished: worker.finished(), heldBecause };
}
