import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { whyNoRecordings, type Called } from '../app.ts';
import { isEmbeddedRedis, loadSettings } from '../../platform/config/index.ts';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { openReporting } from '../../platform/log/index.ts';
import { ROLES, usedRoles, type RoleName } from '../../domain/role-names.ts';
import { giveBackMemory, systemClock } from '../../platform/runtime/index.ts';
import { takeExclusiveLock } from '../../platform/sqlite/index.ts';
import { startEmbeddedRedis } from './embedded-redis.ts';
import { processesFor } from './processes.ts';
import { supervise } from './supervise.ts';

/** A small young generation keeps a role small; helper threads of the collector would only take turns with the other roles. */
const SMALL_HEAP = ['--max-semi-space-size=8', '--single-threaded-gc'] as const;
/** Else V8 lets what lives grow fourfold before it collects: ten thousand new tars made a watcher of 55 MB one of 349. */
const THRIFTY_HEAP = [...SMALL_HEAP, '--heap-growing-percent=50'] as const;
/** The roles that every byte goes through would pay for thrift in speed. */
const FAST: readonly RoleName[] = ['extract', 'upload'];
/** Beyond `shutdownSeconds`: what a role needs to say goodbye. */
const STOP_MARGIN_MS = 10_000;

/**
 * Every role that the settings have work for, in child processes that are restarted when they die, with an embedded Redis where work
 * goes through it and the settings name none, until SIGTERM, SIGINT or SIGHUP; then all of them end, Redis last. Throws WavspoolError before anything was started.
 */
export async function up(called: Called, workers: string): Promise<void> {
  const loaded = loadSettings(called);
  const { settings, parts } = loaded;
  const { data, log: file } = settings.paths;
  const { report, close } = openReporting(
    { file, site: settings.site, role: 'up', stderrLevel: 'info', fileLevel: settings.log.level },
    systemClock,
  );
  const deps = { clock: systemClock, report };
  if (loaded.file === undefined) report('no settings file', { lookedAt: loaded.lookedAt, data });
  await mkdir(data, { recursive: true, mode: 0o750 });
  const only = await takeOnly(data);
  const asked = untilAskedToStop();
  const used = usedRoles(parts);
  if (!parts.recordings) {
    const without = ROLES.filter((role) => !used.includes(role));
    report('roles left out', { roles: used, without, reason: whyNoRecordings(loaded) });
  }
  const redis =
    parts.redis && isEmbeddedRedis(settings.redis) ? await startEmbeddedRedis(data, deps) : undefined;
  const config = loaded.file === undefined ? [] : ['--config', loaded.file];
  process.env['NODE_COMPILE_CACHE'] ??= join(data, 'cache'); // for the roles: they start in half the time
  process.env['MALLOC_ARENA_MAX'] ??= '2'; // for the roles: glibc else keeps an arena of freed buffers for every thread
  const roles = processesFor(used, settings.up.processes).map(({ name, entry, roles: inIt }) => {
    const heap = inIt.some((role) => FAST.includes(role)) ? SMALL_HEAP : THRIFTY_HEAP;
    const named = inIt.length > 1 ? inIt : [];
    const command = [
      process.execPath,
      ...heap,
      join(workers, entry),
      ...named,
      ...config,
      '--beats',
    ] as const;
    return supervise(name, command, deps, { env: process.env });
  });
  report('role started', { node: process.version });
  flushCompileCache(); // this process may never end in order
  const stopping = new AbortController();
  void giveBackMemory({ clock: systemClock, signal: stopping.signal });

  const reason = await asked;
  stopping.abort();
  const graceMs = settings.shutdownSeconds * 1000 + STOP_MARGIN_MS;
  report('role stopping', { reason, graceMs });
  const startedAt = systemClock.monotonicMs();
  await Promise.all(roles.map((role) => role.stop(graceMs)));
  await redis?.stop(graceMs);
  await only.release();
  report('role stopped', { ms: Math.round(systemClock.monotonicMs() - startedAt), released: 0 });
  close();
}

function untilAskedToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

/**
 * One `up` per data directory, by a lock that the kernel holds: it is seen from every container that has the directory, where a
 * pid means nothing, and goes with its process. `up.pid` is for people. Throws ALREADY_RUNNING.
 */
async function takeOnly(data: string): Promise<{ release(): Promise<void> }> {
  const lockFile = join(data, 'up.lock');
  const pidFile = join(data, 'up.pid');
  const lock = takeExclusiveLock(lockFile);
  if (lock === undefined) {
    const pid = (await pidIn(pidFile)) ?? 'unknown';
    const message = `another "up" runs on ${data} (${lockFile} is locked; its process is ${pid} where it runs)`;
    throw new WavspoolError('ALREADY_RUNNING', message);
  }
  await writeFile(pidFile, `${process.pid}\n`, { mode: 0o640 });
  return {
    release: async () => {
      await rm(pidFile, { force: true });
      lock.release();
    },
  };
}

async function pidIn(file: string): Promise<string | undefined> {
  try {
    return /^\d+/.exec(await readFile(file, 'utf8'))?.[0];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
