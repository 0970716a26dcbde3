import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { capturePages } from '../../src/maintenance/point-in-time/capture/capture-pages.ts';
import {
  fullBackupRules,
  chainsOf,
  choosePoint,
  type FullBackupRules,
} from '../../src/maintenance/point-in-time/archive/chain.ts';
import { makeArchive, readArchive } from '../../src/maintenance/point-in-time/archive/archive.ts';
import { captureWal, listPoints } from '../../src/maintenance/point-in-time/index.ts';
import { rebuild } from '../../src/maintenance/point-in-time/archive/rebuild.ts';
import { runWalCapture } from '../../src/maintenance/point-in-time/capture/capture-wal.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { copyPinned, finishCopy, openForeign, pin } from '../../src/platform/sqlite/index.ts';
import type { EventName, Report } from '../../src/domain/events.ts';
import { until } from './ports.ts';

// Restore points under test. Capturing and restoring run in this process where many of them are needed, and as in production,
// in processes of their own, where that is the point.

export const NEVER = new AbortController().signal;

/** Captures as the maintain role does, until it is stopped. */
export function shipping(rig: PointsRig): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const running = captureWal(rig.deps, rig.database, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** The hash of a page-verbatim copy made by SQLite, to compare with. */
export async function copyHash(rig: PointsRig): Promise<string> {
  const db = openForeign(rig.path);
  const copy = rig.newPath();
  pin(db);
  await copyPinned(db, copy, NEVER);
  db.close();
  return contentHash(copy);
}
const DAY_MS = 86_400_000;

export interface PointsRig extends AsyncDisposable {
  readonly path: string;
  readonly database: {
    readonly name: string;
    readonly path: string;
    readonly pointInTime: { mode: 'pages' | 'wal'; every: number; keep: number; dir: string };
  };
  readonly directory: string;
  readonly deps: { readonly clock: Clock; readonly report: Report };
  readonly events: { readonly event: EventName; readonly fields: object }[];
  /** A new path in the rig's directory. */
  readonly newPath: () => string;
  /** Captures in this process, at a time that is ahead by `aheadMs` of the last one. */
  readonly capture: (rules?: Partial<FullBackupRules>) => Promise<Awaited<ReturnType<typeof capturePages>>>;
  /** Lets time pass for what follows. */
  readonly pass: (ms: number) => void;
  /** Restores in this process; the path of the copy. */
  readonly restore: (at: number) => Promise<{ path: string; at: number; faults: readonly string[] }>;
}

/** `archives` is where the archive lies, if not beside the database. */
export async function pointsRig(mode: 'pages' | 'wal' = 'pages', archives?: string): Promise<PointsRig> {
  const root = await mkdtemp(join(tmpdir(), 'wavspool-points-'));
  const path = join(root, 'live.db');
  const dir = archives ?? join(root, 'points');
  const database = { name: 'live', path, pointInTime: { mode, every: 60_000, keep: 7 * DAY_MS, dir } };
  const directory = join(dir, 'live');
  const events: { event: EventName; fields: object }[] = [];
  let aheadMs = 0;
  let serial = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const deps = { clock, report: ((event, fields) => void events.push({ event, fields })) satisfies Report };
  const newPath = (): string => join(root, `copy-${(serial += 1)}.db`);
  await makeArchive(directory);
  return {
    path,
    database,
    directory,
    deps,
    events,
    newPath,
    pass: (ms) => (aheadMs += ms),
    capture: (rules) =>
      capturePages(
        { ...deps, rules: { ...fullBackupRules(database.pointInTime), ...rules } },
        database,
        directory,
        NEVER,
      ),
    restore: async (at) => {
      const choice = choosePoint(chainsOf(await readArchive(directory)), at);
      if (choice.kind !== 'restore')
        throw new Error(`nothing to restore at ${at}: ${JSON.stringify(choice)}`);
      const target = newPath();
      const { segment, chain } = choice;
      const rebuilt = await rebuild(directory, chain, { segment, at }, target, NEVER);
      return { path: target, at: rebuilt.at, faults: finishCopy(target) };
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/**
 * The SHA-256 of a database file but for what says how it is journalled and who changed it last, which restoring rewrites
 * (https://www.sqlite.org/fileformat.html, 1.3).
 */
export async function contentHash(path: string): Promise<string> {
  const bytes = await readFile(path);
  bytes.fill(0, 18, 20);
  bytes.fill(0, 24, 28);
  bytes.fill(0, 40, 44); // the backup API gives its copy another schema cookie
  bytes.fill(0, 92, 100);
  return createHash('sha256').update(bytes).digest('hex');
}

export interface Writer extends AsyncDisposable {
  /** The counter and the time of moves that are committed, oldest first. */
  readonly seen: readonly {
    readonly counter: number;
    readonly at: number;
    readonly ms: number;
    readonly longestMs: number;
  }[];
  readonly process: ChildProcess;
  /** Lets it finish; resolves when it is gone. */
  readonly stop: () => Promise<void>;
  /** SIGKILL. */
  readonly kill: () => Promise<void>;
}

/** A process that moves money in the ledger at `path`, `perSecond` times a second, 0: as often as it can. */
export function startWriter(path: string, perSecond: number): Writer {
  const program = join(import.meta.dirname, 'ledger-writer.ts');
  const child = spawn(process.execPath, [program, path, String(perSecond)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const seen: { counter: number; at: number; ms: number; longestMs: number }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => seen.push(JSON.parse(line)));
  const gone = once(child, 'exit');
  const end = async (act: () => void): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) act();
    await gone;
  };
  const stop = (): Promise<void> => end(() => child.stdin.end());
  return {
    seen,
    process: child,
    stop,
    kill: () => end(() => child.kill('SIGKILL')),
    [Symbol.asyncDispose]: stop,
  };
}

/** Another program that has the database open, and does nothing with it until it is stopped or killed. */
export async function opened(path: string): Promise<Writer> {
  const writer = startWriter(path, 1e-9);
  await until('it has it open', () =>
    readdirSync(`/proc/${writer.process.pid}/fd`).some(
      (fd) => linkOf(`/proc/${writer.process.pid}/fd/${fd}`) === `${path}-shm`,
    ),
  );
  return writer;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

/** Ships in this process until it is stopped. */
export function ship(
  rig: PointsRig,
  rules: Partial<FullBackupRules> = {},
): { stop: () => Promise<void>; ended: Promise<void> } {
  const stopping = new AbortController();
  const all = { ...fullBackupRules(rig.database.pointInTime), ...rules };
  const running = runWalCapture(
    { ...rig.deps, rules: all, verifyEnded: () => undefined },
    rig.database,
    rig.directory,
    stopping.signal,
  );
  running.catch(() => undefined); // whoever waits for it sees it
  return {
    ended: running,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** How often an event was reported. */
export const saw = (rig: PointsRig, name: EventName): number =>
  rig.events.filter(({ event }) => event === name).length;

/** Resolves when as many points as that are in the archive. */
export async function shipped(rig: PointsRig, points: number): Promise<void> {
  await until(`${points} points`, async () => (await listPoints(rig.database)).points >= points);
}

/** The process that this one ships from. */
export function shipperPid(): number {
  const children = readdirSync(`/proc/${process.pid}/task`).flatMap((task) => childrenOf(Number(task)));
  return children.find((pid) => commandOf(pid).includes('task-process.ts')) ?? 0;
}

function childrenOf(task: number): number[] {
  const list = readText(`/proc/${process.pid}/task/${task}/children`);
  return list.split(' ').filter(Boolean).map(Number);
}

function commandOf(pid: number): string {
  return readText(join('/proc', String(pid), 'cmdline'));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}
