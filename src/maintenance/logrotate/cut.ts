import type { FileHandle } from 'node:fs/promises';
import { digestRange, sameBytes, readRange } from './copy.ts';
import type { RotateDeps } from './deps.ts';
import { identityOf } from '../../platform/linux/index.ts';
import type { Head, OpenRotation } from './state-file.ts';
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { WavspoolError } from '../../domain/faults.ts';
import type { Clock } from '../../platform/runtime/index.ts';

export type Cut =
  | {
      readonly kind: 'cut';
      readonly way: 'collapse' | 'window';
      readonly windowUs: number;
      /** Why it was not collapsed. */
      readonly why: string | null;
      readonly head: Head | null;
    }
  /** The archived lines are still in the log, and are known by `head`; null when another program has shortened it. */
  | { readonly kind: 'uncut'; readonly error: unknown; readonly head: Head | null };

/** The log and its archive, both open. */
export interface Files {
  readonly log: FileHandle;
  readonly archive: FileHandle;
  /** The log's lock, for a child that cuts it. */
  readonly lockFd: number;
}

/**
 * Takes what is archived out of the log: by collapsing where that was planned, else (or where it turns out impossible) by
 * copying what came in meanwhile and truncating at once. All of it is on disk when this returns. It does not throw: when the
 * log cannot be cut it stays whole, the archive ends where it was published, and the next rotation begins behind it.
 */
export async function cutLog(deps: RotateDeps, files: Files, open: OpenRotation): Promise<Cut> {
  const { log, archive, lockFd } = files;
  let why: string | null = null;
  try {
    const { size, atime, mtime } = await archive.stat();
    const grown = size > open.until - open.from; // a window that a crash cut off has begun to fill it up
    if (open.collapse !== null && !grown) {
      why = open.collapse === 0 ? null : ((await deps.collapse(log.fd, open.collapse, lockFd)) ?? null);
      if (why === null) {
        await log.sync();
        return { kind: 'cut', way: 'collapse', windowUs: 0, why, head: open.after };
      }
    }
    const { windowUs } = await copyTailAndTruncate(deps.clock, log, archive, {
      position: open.from + size,
      end: size,
    });
    await archive.utimes(atime, mtime);
    await archive.sync();
    await log.sync();
    return { kind: 'cut', way: 'window', windowUs, why, head: null };
  } catch (error) {
    await archive.truncate(open.until - open.from);
    const isWhole = (await cutSoFar({ log, archive }, open)) === 'untouched';
    return { kind: 'uncut', error, head: isWhole ? await headOf(log, 0, open.until) : null };
  }
}

/** The bytes from `from` to `until`, as what the log begins with when nothing is before them any more. */
export async function headOf(log: FileHandle, from: number, until: number): Promise<Head> {
  const stats = await log.stat({ bigint: true });
  const { sha256, lines, bytes } = await digestRange(log, from, until);
  const size = Number(stats.size) - from;
  return { file: identityOf(stats), bornNs: String(stats.birthtimeNs), size, bytes, sha256, lines };
}

/** How much of the log an archive holds already: all of `head` while the log still begins with it, else nothing. */
export async function archivedBytes(log: FileHandle, head: Head | null): Promise<number> {
  if (head === null || head.bytes === 0) return 0;
  const stats = await log.stat({ bigint: true });
  const isSame = identityOf(stats) === head.file && String(stats.birthtimeNs) === head.bornNs;
  if (!isSame || Number(stats.size) < head.size) return 0;
  const { sha256, bytes } = await digestRange(log, 0, head.bytes);
  return bytes === head.bytes && sha256 === head.sha256 ? bytes : 0;
}

/**
 * What a crash left of the cut: nothing done, collapsed, or else the log was emptied or replaced, by the cut's last step or by
 * another program. Where the log's bytes leave it open, because they repeat themselves, it is taken for collapsed: that may archive
 * a line twice, but never loses one.
 */
export async function cutSoFar(
  { log, archive }: Pick<Files, 'log' | 'archive'>,
  open: OpenRotation,
): Promise<'untouched' | 'collapsed' | 'replaced'> {
  if (identityOf(await log.stat({ bigint: true })) !== open.log) return 'replaced';
  if ((open.collapse ?? 0) > 0 && (await archivedBytes(log, open.after)) > 0) return 'collapsed';
  if ((await log.stat()).size < open.size) return 'replaced'; // appending only makes it larger
  const { size } = await archive.stat();
  return (await sameBytes(log, open.from, archive, size)) ? 'untouched' : 'replaced';
}

const TAIL_BYTES = 64 * 1024;
/** Below this the last pass begins, in which nothing but the copy happens. */
const NEAR_BYTES = 1024 * 1024;
/** The end of a line whose beginning is there comes within microseconds; a line that stays unfinished is archived as it is. */
const UNFINISHED_MS = 10;
/** So often the calls of the window are made to no effect first: the very first ones take several times as long (30-70 µs, not 10). */
const DRY_PASSES = 20;
const NEWLINE = 0x0a;
/** A writer that is not caught up with by then writes faster than this disk reads and writes. */
const CATCH_UP_MS = 60_000;

export interface Window {
  /** Between the last look for more and the truncated log, in µs: what is appended then is lost. */
  readonly windowUs: number;
  /** What came in after the bulk was copied. */
  readonly tailBytes: number;
}

/**
 * Copies what the log has from `position` on to the end of the archive until there is no more, and truncates it at once,
 * with nothing in between: neither an fsync nor another turn of the event loop. The archive's times are the copy's then. Throws LOG_UNUSABLE when the writer cannot
 * be caught up with or another program shortens the log, and the system's errors; the log is whole then.
 */
export async function copyTailAndTruncate(
  clock: Clock,
  log: FileHandle,
  archive: FileHandle,
  { position, end }: { readonly position: number; readonly end: number },
): Promise<Window> {
  const deadline = clock.monotonicMs() + CATCH_UP_MS;
  let from = position;
  let to = end;
  for (let size = (await log.stat()).size; size - from > NEAR_BYTES; size = (await log.stat()).size) {
    await readRange(log, from, size, (piece) => {
      writeWhole(archive.fd, piece, to);
      from += piece.length;
      to += piece.length;
    });
    notAfter(deadline, clock);
  }
  const buffer = Buffer.allocUnsafe(TAIL_BYTES);
  let isUnfinished = from > 0 && readSync(log.fd, buffer, 0, 1, from - 1) === 1 && buffer[0] !== NEWLINE;
  let movedAt = clock.monotonicMs();
  for (let pass = -DRY_PASSES; ; pass += 1) {
    if (fstatSync(log.fd).size < from)
      throw new WavspoolError(
        'LOG_UNUSABLE',
        'it was shortened meanwhile: does another program rotate it too?',
      );
    const lookedAt = clock.monotonicMs();
    const bytes = readSync(log.fd, buffer, 0, TAIL_BYTES, from);
    if (bytes === 0 && pass < 0) {
      ftruncateSync(archive.fd, to); // which it has already
    } else if (bytes === 0 && !(isUnfinished && lookedAt - movedAt < UNFINISHED_MS)) {
      ftruncateSync(log.fd, 0);
      const windowUs = Math.round((clock.monotonicMs() - lookedAt) * 1000);
      return { windowUs, tailBytes: from - position };
    } else if (bytes > 0) {
      writeWhole(archive.fd, buffer.subarray(0, bytes), to);
      from += bytes;
      to += bytes;
      isUnfinished = buffer[bytes - 1] !== NEWLINE;
      movedAt = lookedAt;
      notAfter(deadline, clock);
    }
  }
}

function writeWhole(fd: number, data: Buffer, position: number): void {
  for (let done = 0; done < data.length;)
    done += writeSync(fd, data, done, data.length - done, position + done);
}

function notAfter(deadline: number, clock: Clock): void {
  if (clock.monotonicMs() > deadline) {
    const seconds = CATCH_UP_MS / 1000;
    throw new WavspoolError('LOG_UNUSABLE', `it grows faster than it can be copied, for ${seconds} s now`);
  }
}
