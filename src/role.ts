import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openApp, type App } from './app.ts';
import { FAULTS, faultCode, messageOf } from './faults.ts';
import { reapplyPauses } from './pause/index.ts';
import type { Heartbeat } from './queue/index.ts';

export const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'] as const;
export type RoleName = (typeof ROLES)[number];

/** One of the five roles: how it starts, and what it can be asked while it runs. */
export interface Role {
  readonly name: RoleName;
  start(app: App): Promise<RunningRole>;
}

export interface RunningRole {
  /** For the heartbeat; absent for a role without a queue. */
  jobs?(): NonNullable<Heartbeat['jobs']>;
  /** Takes no new work, finishes what runs within `graceMs` or hands it back; returns how many jobs it handed back. */
  stop(graceMs: number): Promise<number>;
}

const HEARTBEAT_MS = 5000;
const LOOP_RESOLUTION_MS = 10;
/** Stopping takes the grace and what the queue's own goodbye takes; a process that is slower has lost its Redis. */
const STOP_MARGIN_MS = 8000;

/**
 * Runs roles in this process until SIGTERM or SIGINT (or the end of the supervisor that started it), then drains them
 * within `shutdownSeconds` and exits 0. Settings that can't be used exit 2, a state store that can't, 3.
 */
export async function runRoles(roles: readonly Role[], configFile: string | undefined): Promise<void> {
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
  const stopHeartbeat = startHeartbeat(app, name, running);

  const reason = await stopRequested;
  const graceMs = app.settings.shutdownSeconds * 1000;
  app.report('role stopping', { reason, graceMs });
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
    const jobs = running.find((one) => one.jobs !== undefined)?.jobs?.();
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

/** Event names as metric names: `recording uploaded` → `recording_uploaded`. */
function counters(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([event, n]) => [event.replaceAll(' ', '_'), n]));
}
