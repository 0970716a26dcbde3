import type { FileHandle } from 'node:fs/promises';
import { digestRange, sameBytes } from './copy.ts';
import type { RotateDeps } from './deps.ts';
import { identityOf } from '../../platform/linux/index.ts';
import type { Head, OpenRotation } from './state-file.ts';
import { copyTailAndTruncate } from './window.ts';

export type Cut =
  | {
      readonly kind: 'cut';
      readonly way: 'collapse' | 'window';
      readonly windowUs: number;
      /** Why it was not collapsed. */
      readonly why: string | null;
      readonly head: Head | null;
    }
  /** The archived lines are still in the log, and are known by `head`; null when somebody has shortened it. */
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
 * somebody. Where the log's bytes leave it open, because they repeat themselves, it is taken for collapsed: that may archive
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
