import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import { readRange } from './copy.ts';

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
 * be caught up with or somebody else shortens the log, and the system's errors; the log is whole then.
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
