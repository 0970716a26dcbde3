import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { HostApp } from './app.ts';
import { reapplyPauses } from '../operate/pause/index.ts';
import type { Membership } from './site-directories.ts';
import type { Heartbeat, RunningRole } from '../platform/queue/index.ts';
import { every, residentBytes } from '../platform/runtime/index.ts';
import { storePlace } from '../platform/s3/index.ts';

const HEARTBEAT_MS = 5000;
/** Each is a timer that wakes the process: at 10 ms they took 2.7 ms of CPU a second, at 50 they take 1.2. */
const LOOP_RESOLUTION_MS = 50;
/** A goodbye that Redis does not answer is given up. */
const GOODBYE_MS = 2000;
/** So long after the last heartbeat that Redis took it is away: a slow one, or a rescan, is not. */
const AWAY_MS = 4 * HEARTBEAT_MS;

interface Beating {
  readonly name: string;
  readonly running: RunningRole | undefined;
}

export interface Heartbeating {
  /** Since when Redis takes no heartbeat (ms since 1970); undefined while it does, and where nothing goes through it. */
  redisAwaySince(): number | undefined;
  /** Says goodbye. */
  stop(): Promise<void>;
}

/**
 * Says every 5 s, for each role of this process by itself, that it lives and how its work goes; the pauses and limits that
 * Redis may have forgotten are renewed with it, where there is Redis. What is counted for the process as a whole stands with its first role, so that
 * a sum over roles is right.
 */
export function startHeartbeat(
  app: HostApp,
  roles: readonly Beating[],
  { directories }: Pick<Membership, 'directories'>,
): Heartbeating {
  const startedAt = app.clock.now();
  let takenMs = app.clock.monotonicMs();
  const host = hostname();
  const ended = new AbortController();
  const figures = processFigures();

  const beat = async (): Promise<void> => {
    const ofProcess = figures();
    const stateTrouble = app.ledger.trouble();
    const counts = counters(app.reporting.counts());
    for (const [at, { name, running }] of roles.entries()) {
      const held = running?.held?.();
      await app.presence.beat({
        role: name,
        host,
        pid: process.pid,
        startedAt,
        at: app.clock.now(),
        ...ofProcess,
        ...jobsOf(running, app.clock.monotonicMs()),
        ...(held !== undefined && { held }),
        ...(stateTrouble !== undefined && { stateTrouble }),
        directories: directories(),
        ...(app.loaded.parts.recordings && { store: storePlace(app.settings.s3) }),
        counters: at === 0 ? counts : {},
      });
    }
    await reapplyPauses(app);
    // P2: like the pauses, the limits live in Redis, which may have forgotten them
    for (const { running } of roles) {
      const work = running?.work;
      if (work !== undefined) await app.queues?.[work.queue].limitConcurrency(work.limit);
    }
  };

  const leave = async (): Promise<void> => {
    for (const { name } of roles) await app.presence.leave({ role: name, host, pid: process.pid });
  };

  const beatAndNote = async (): Promise<void> => {
    await beat();
    takenMs = app.clock.monotonicMs();
  };
  const failed = (err: unknown, times: number): void => app.report('heartbeat failed', { err, times });
  const loop = every(HEARTBEAT_MS, beatAndNote, { clock: app.clock, signal: ended.signal, failed });
  return {
    redisAwaySince: () => {
      if (app.queues === undefined) return undefined;
      const silentMs = app.clock.monotonicMs() - takenMs;
      return silentMs < AWAY_MS ? undefined : app.clock.now() - silentMs;
    },
    stop: async () => {
      ended.abort();
      await Promise.race([loop.then(leave), app.clock.sleep(GOODBYE_MS)]);
    },
  };
}

type ProcessFigures = Pick<Heartbeat, 'rssBytes' | 'peakRssBytes' | 'cpuMs' | 'loopMaxMs' | 'loopRecentMs'>;

/** What this process takes, and how long its event loop was held up since it was last asked. */
function processFigures(): () => ProcessFigures {
  const recent = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  recent.enable();
  let loopMaxMs = 0;
  let peakRssBytes = 0;
  let rssBytes = 0;
  return () => {
    // the histogram counts its own sampling interval as delay
    const loopRecentMs = Math.max(0, Math.round(recent.max / 1e6) - LOOP_RESOLUTION_MS);
    recent.reset();
    loopMaxMs = Math.max(loopMaxMs, loopRecentMs);
    // that the role lives, and what it waits for, is told all the same
    rssBytes = residentBytes() ?? rssBytes;
    peakRssBytes = Math.max(peakRssBytes, process.resourceUsage().maxRSS * 1024, rssBytes);
    const cpu = process.cpuUsage();
    const cpuMs = Math.round((cpu.user + cpu.system) / 1000);
    return { rssBytes, peakRssBytes, cpuMs, loopMaxMs, loopRecentMs };
  };
}

/** How the jobs of a role go, at `nowMs` (monotonic); none of it for a role without jobs. */
export function jobsOf(running: RunningRole | undefined, nowMs: number): Pick<Heartbeat, 'jobs'> {
  const worker = running?.work?.worker ?? running?.unqueued;
  if (worker === undefined) return {};
  const lastFinishedAt = worker.lastFinishedAt();
  const lastFinishedMsAgo = lastFinishedAt === undefined ? null : Math.round(nowMs - lastFinishedAt);
  return { jobs: { active: worker.active(), finished: worker.finished(), lastFinishedMsAgo } };
}

/** Event names as metric names: `recording uploaded` → `recording_uploaded`. */
function counters(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([event, n]) => [event.replaceAll(' ', '_'), n]));
}
