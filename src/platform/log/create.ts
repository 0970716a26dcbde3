import { multistream, pino, type Logger, type StreamEntry } from 'pino';
import type { Level } from '../../domain/event-levels.ts';
import { WavspoolError, errnoOf, faultCode } from '../../domain/faults.ts';
import type { Sink } from '../report/index.ts';
import { isJournalled } from '../runtime/index.ts';
import { appendLines, type AppendedLines } from './append-lines.ts';

export interface LogOptions {
  /** `paths.log`; undefined logs to stderr alone. */
  readonly file: string | undefined;
  readonly site: string;
  readonly role: string;
  /** What a person at the terminal (or journald) sees; the file has it from `info` on, `debug` included when asked for. */
  readonly stderrLevel: Level;
  readonly fileLevel: Level;
  /** Takes those lines; the stderr of this process unless given. */
  readonly stderr?: (text: string) => void;
}

/** A sink that writes. */
export interface Log {
  readonly sink: Sink;
  close(): void;
}

/**
 * The log: JSON lines appended to the log file, the same as short lines on stderr. It writes synchronously, because lines
 * that a killed process still had in memory are the ones that would have explained its end; where the file cannot be written (a full
 * disk, a directory that is away) its lines are lost, stderr says so, and the process goes on.
 */
export function createLog(options: LogOptions): Log {
  const { stderr = toStderr } = options;
  const { file, site, role, stderrLevel, fileLevel } = options;
  let lines: AppendedLines | undefined;
  const shown = options.stderr === undefined && isJournalled() ? forJournal : short;
  const streams: StreamEntry[] = [{ level: stderrLevel, stream: { write: (line) => stderr(shown(line)) } }];
  if (file !== undefined) {
    lines = appendLines(file, (trouble) => stderr(`the log ${file} cannot be written: ${trouble}\n`));
    streams.push({ level: fileLevel, stream: lines });
  }
  const logger: Logger = pino(
    {
      level: lowest(streams), // below it no line is put together: there is one for each recording
      base: { site, role, pid: process.pid },
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    multistream(streams),
  );
  return {
    sink: ({ event, fields, level }) => {
      const context: object = fields;
      logger[level](context, event);
    },
    close: () => lines?.close(),
  };
}

function lowest(streams: readonly StreamEntry[]): Level {
  const levels: readonly Level[] = ['debug', 'info', 'warn', 'error'];
  return levels.find((level) => streams.some((stream) => stream.level === level)) ?? 'debug';
}

function toStderr(text: string): void {
  process.stderr.write(text);
}

/** A thrown value as fields that are safe to write: an SDK error carries its whole request, so nothing is copied blindly (P9). */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const known = error instanceof WavspoolError;
  return {
    name: error.name,
    code: known ? faultCode(error) : errnoOf(error),
    message: error.message,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
    ...(known ? {} : { stack: error.stack }),
  };
}

const PRIORITIES: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** One JSON line as {@link short} shows it, with the priority that sd-daemon(3) takes before each line. Pure. */
export function forJournal(line: string): string {
  const { level } = JSON.parse(line) as { readonly level: string };
  const [first = '', ...more] = short(line).trimEnd().split('\n');
  return `${[first, ...more].map((one) => `<${PRIORITIES[level] ?? 6}>${one}`).join('\n')}\n`;
}

/** One JSON line as a person wants it: time, level, event, then its fields. */
function short(line: string): string {
  const {
    time,
    level,
    msg,
    site: _site,
    role,
    pid: _pid,
    err,
    ...fields
  } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields)
    .filter(([, value]) => !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  if (err !== undefined) rest.push(`err=${(err as { message: string }).message}`);
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(role)}: ${String(msg)} ${rest.join(' ')}\n`;
}
