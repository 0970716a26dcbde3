import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import type { Events, EventName, Report } from '../../src/domain/events.ts';
import {
  collapseWithFallocate,
  rotateLog,
  type LogEntry,
  type RotateDeps,
  type RotateOptions,
  type RotationResult,
} from '../../src/maintenance/logrotate/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';

export type Reported = { [E in EventName]: { readonly event: E; readonly fields: Events[E] } }[EventName];

/** A directory with one log, and rotations of it in this process. */
export interface RotationRig extends AsyncDisposable {
  readonly directory: string;
  readonly log: string;
  readonly deps: RotateDeps;
  readonly events: readonly Reported[];
  rotate(entry?: Partial<LogEntry>, options?: RotateOptions): Promise<RotationResult>;
  /** Every name beside the log and below its archives' directory, sorted; not what wavspool keeps for itself. */
  names(): Promise<readonly string[]>;
}

/** The defaults of `settings.logs`. */
export function logEntry(path: string, options: Partial<LogEntry> = {}): LogEntry {
  return {
    path,
    cron: '0 1 * * *',
    rotate: 7,
    start: 1,
    compress: false,
    delaycompress: false,
    missingok: false,
    notifempty: false,
    copytruncate: true,
    dateext: false,
    dateformat: '-%Y%m%d',
    ...options,
  };
}

/** `parent`: the file system to work on, else that of the temporary directory. */
export async function startRotationRig(
  parent: string = tmpdir(),
  changes: Partial<RotateDeps> = {},
): Promise<RotationRig> {
  const directory = await mkdtemp(join(parent, 'wavspool-rotation-'));
  const log = join(directory, 'app.log');
  const events: Reported[] = [];
  const report: Report = (event, fields) => void events.push({ event, fields } as Reported);
  const deps: RotateDeps = {
    clock: systemClock,
    report,
    timezone: 'UTC',
    directory: join(directory, '.state'),
    collapse: collapseWithFallocate,
    ...changes,
  };
  return {
    directory,
    log,
    deps,
    events,
    rotate: async (entry = {}, options = {}) => {
      const [result] = await rotateLog(deps, logEntry(log, entry), options, new AbortController().signal);
      if (result === undefined) throw new Error('nothing was rotated');
      return result;
    },
    names: async () => (await readdir(directory)).filter((name) => name !== '.state').toSorted(),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

export interface LogWriter {
  readonly pid: number;
  /** Ends it; resolves with what it wrote. */
  stop(): Promise<{ lines: number; longestUs: number }>;
}

export interface WriterOptions {
  readonly rate?: number;
  readonly bytes?: number;
  readonly how?: string;
  readonly noBursts?: boolean;
}

/** Starts a process that writes numbered lines to `log`: `rate` lines/s of `bytes` bytes each, 0 as fast as it can. */
export async function startLogWriter(
  log: string,
  { rate = 0, bytes = 100, how = 'append', noBursts = false }: WriterOptions = {},
): Promise<LogWriter> {
  const stop = `${log}.stop-${Math.random()}`;
  const args = ['--log', log, '--stop', stop, '--rate', rate, '--bytes', bytes, '--how', how].map(String);
  if (noBursts) args.push('--no-bursts');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'log-writer.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = createInterface(child.stdout)[Symbol.asyncIterator]();
  await said.next();
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      await writeFile(stop, '');
      const { value } = (await said.next()) as { value: string };
      if (child.exitCode === null) await once(child, 'exit');
      await rm(stop);
      return JSON.parse(value) as { lines: number; longestUs: number };
    },
  };
}

/** The numbers of a log's lines; throws where one is torn, or leaves it out with `torn`. */
export function numbersIn(text: string, torn: 'is an error' | 'is lost' = 'is an error'): number[] {
  const lines = text.split('\n');
  if (lines.pop() !== '' && torn === 'is an error') throw new Error('the last line is torn');
  return lines.flatMap((line) => {
    if (/^\d{12} x*$/.test(line)) return Number(line.slice(0, 12));
    if (torn === 'is lost') return [];
    throw new Error(`a torn line: ${JSON.stringify(line.slice(0, 200))}`);
  });
}

/** The lines of the numbered archives of `log`, oldest first, decompressed. */
export async function archivedNumbers(directory: string, log: string, torn?: 'is lost'): Promise<number[]> {
  const known = new RegExp(String.raw`^${RegExp.escape(basename(log))}\.(\d+)(\.gz)?$`);
  const archives = (await readdir(directory))
    .flatMap((name) => known.exec(name) ?? [])
    .filter((name) => known.test(name))
    .map((name) => ({ name, index: Number(known.exec(name)?.[1]) }))
    .toSorted((a, b) => b.index - a.index);
  const numbers: number[] = [];
  for (const { name } of archives) {
    const content = await readFile(join(directory, name));
    for (const number of numbersIn(String(name.endsWith('.gz') ? gunzipSync(content) : content), torn))
      numbers.push(number);
  }
  return numbers;
}

export interface Counted {
  readonly lost: number;
  readonly twice: number;
  readonly disordered: number;
}

/** How lines numbered from 0 to `count` - 1 came through. */
export function countLines(found: readonly number[], count: number): Counted {
  const times = new Uint32Array(count);
  let disordered = 0;
  for (const [at, number] of found.entries()) {
    times[number] = (times[number] ?? 0) + 1;
    if (at > 0 && number < (found[at - 1] ?? 0)) disordered += 1;
  }
  const lost = times.reduce((sum, one) => sum + Number(one === 0), 0);
  return { lost, twice: found.length - (count - lost), disordered };
}
