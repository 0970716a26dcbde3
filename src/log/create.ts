import { fstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination, multistream, pino, type Logger, type StreamEntry } from 'pino';
import { LEVELS, type EventName, type Events, type Level, type Report } from '../events.ts';
import { WavspoolError, errnoOf, faultCode } from '../faults.ts';

export interface LogOptions {
  /** `paths.log`; undefined logs to stderr alone. */
  readonly file: string | undefined;
  readonly site: string;
  readonly role: string;
  /** What a person at the terminal (or journald) sees; the file has it from `info` on, `debug` included when asked for. */
  readonly stderrLevel: Level;
  readonly fileLevel: Level;
}

export interface Log {
  readonly report: Report;
  /** Counts of reported events by name, for metrics. */
  readonly counts: () => Readonly<Record<string, number>>;
  close(): void;
}

/**
 * The log: JSON lines appended to the log file, the same as short lines on stderr. It writes synchronously, because lines
 * that a killed process still had in memory are the ones that would have explained its end; on a full disk lines are lost
 * and the process goes on.
 */
export function createLog({ file, site, role, stderrLevel, fileLevel }: LogOptions): Log {
  const streams: StreamEntry[] = [
    { level: stderrLevel, stream: { write: (line) => process.stderr.write(short(line)) } },
  ];
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
    const target = destination({ dest: file, append: true, sync: true, mode: 0o640 });
    target.on('error', (error: unknown) =>
      process.stderr.write(`the log ${file} cannot be written: ${String(error)}\n`),
    );
    streams.push({ level: fileLevel, stream: { write: (line) => followName(target, file).write(line) } });
  }
  const logger: Logger = pino(
    {
      level: 'debug',
      base: { site, role, pid: process.pid },
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    multistream(streams),
  );
  const counts: Record<string, number> = {};
  const report = <E extends EventName>(event: E, fields: Events[E]): void => {
    counts[event] = (counts[event] ?? 0) + 1;
    const context: object = fields;
    logger[LEVELS[event]](context, event);
  };
  return { report, counts: () => counts, close: () => logger.flush() };
}

/**
 * The log file is opened for append, so nothing is lost when somebody rotates it by copying and truncating it. When somebody
 * renames it instead, as logrotate does by default, the lines must not follow it into the archive, which may be compressed and
 * removed any moment: a look at the name before each line (3 µs) costs less than that.
 */
function followName(target: ReturnType<typeof destination>, file: string): typeof target {
  // its type does not tell of the descriptor that every SonicBoom has
  if (!('fd' in target) || typeof target.fd !== 'number') return target;
  const named = statSync(file, { throwIfNoEntry: false });
  const written = fstatSync(target.fd);
  if (named?.ino === written.ino && named.dev === written.dev) return target;
  try {
    target.reopen();
  } catch {
    // its "error" event says so on stderr; the line goes where the ones before it went
  }
  return target;
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
