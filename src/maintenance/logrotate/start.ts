import type { BigIntStats } from 'node:fs';
import { stat, statfs, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { makeDirectory, syncDirectory } from '../../platform/runtime/index.ts';
import { archiveDirectory, delayedPaths, planArchive, type ArchivePlan } from './archives.ts';
import { createTemporary, giveAttributes, openPlain, copyRange, endOfLines } from './copy.ts';
import { collapsibleBytes } from './system-programs.ts';
import { compressArchive, publishArchive, removeOwn } from './publish.ts';
import { cutLog, headOf } from './cut.ts';
import type { RotateDeps } from './deps.ts';
import type { RotateOptions } from './due.ts';
import { identityAt, identityOf } from '../../platform/linux/index.ts';
import { MOVED, removeTemporary, complete, temporaryIn, type Finishing, writersOf } from './finish.ts';
import { whenTaken } from './look-at.ts';
import type { LogEntry } from './names.ts';
import {
  type RotationResult,
  writeLogState,
  type LogState,
  type OpenRotation,
  type OwnFile,
} from './state-file.ts';

/** A log that has not grown for so long, and that no process has open, is emptied altogether, as logrotate does. */
const STILL_MS = 250;

/** Of the file systems that can collapse, XFS has the largest blocks. */
const LARGEST_BLOCK_BYTES = 64 * 1024;

/** No text has so many zeros in a row; the hole that a cut leaves is a block at least. */
const HOLE = Buffer.alloc(512);
/** What comes in while a log is copied lies before the hole. */
const HOLE_LOOK_BYTES = 1024 * 1024;

interface Starting extends Finishing {
  readonly options: RotateOptions;
  readonly state: LogState;
  readonly facts: { readonly path: string; readonly archived: number; readonly size: number };
}

/**
 * Rotates a log that is due:
 * 1. compress what `delaycompress` left at the last rotation, and choose the names;
 * 2. copy the lines that no archive holds to a temporary file, and sync it;
 * 3. write down what comes (from here on a crash is finished by the next run);
 * 4. move the older archives on and give the new one its name;
 * 5. cut what is archived out of the log, and write down what it begins with now;
 * 6. remove what is too old, and compress.
 * Until 4 nothing has changed; from 4 on the archive is whole, so that at every moment the log or its archive has every line.
 */
export async function startRotation(
  deps: RotateDeps,
  entry: LogEntry,
  start: Starting,
): Promise<RotationResult> {
  const { path } = start.facts;
  const directory = archiveDirectory(entry, path);
  const when = { now: deps.clock.now(), timezone: deps.timezone };
  await makeDirectory(directory, 0o750);
  for (const delayed of await delayedPaths(entry, path, when))
    await compressArchive(delayed, temporaryIn(deps, directory, path, 'gzip'), {
      ...when,
      signal: start.signal,
    });
  const plan = await planArchive(entry, path, when);
  if (plan.kind === 'taken') return whenTaken(path, plan.by, start.state.last, start.options, when.now);
  if (entry.rotate === 0) return discard(deps, entry, plan, start);
  return entry.copytruncate ? rotateByCopy(deps, entry, plan, start) : rotateByMove(deps, entry, plan, start);
}

async function rotateByCopy(
  deps: RotateDeps,
  entry: LogEntry,
  plan: ArchivePlan,
  start: Starting,
): Promise<RotationResult> {
  const { path, archived: from } = start.facts;
  const temporary = temporaryIn(deps, dirname(plan.archive), path, 'archive');
  await using log = await openPlain(path, 'read and write');
  await using archive = await createTemporary(temporary);
  let open: OpenRotation;
  try {
    const cutting = await chooseCut(deps, log, start);
    const { size } = await log.stat();
    const until = cutting === 'collapse' ? await endOfLines(log, from, size) : size; // truncated, it goes as a whole
    await copyWhole(log, archive, { from, until }, start.signal);
    const isTruncated = cutting === 'truncate' || (cutting === 'empty' && (await log.stat()).size === until);
    const collapse = isTruncated ? null : await collapsible(log, path, until);
    open = {
      at: deps.clock.now(),
      log: identityOf(await log.stat({ bigint: true })),
      how: 'copy',
      temporary,
      archive: { path: plan.archive, file: identityOf(await archive.stat({ bigint: true })) },
      ...(await owned(plan)),
      compress: entry.compress && !entry.delaycompress,
      from,
      until,
      size: (await log.stat()).size,
      collapse,
      after: collapse === null ? null : await headOf(log, collapse, until),
    };
    await writeLogState(deps, { ...start.state, open });
  } catch (error) {
    await removeTemporary(temporary);
    throw error;
  }
  await publishOrThrow(open, deps, start);
  const cut = await cutLog(deps, { log, archive, lockFd: start.lockFd }, open);
  return await complete(deps, start.state, open, { cut, finished: false, ...start });
}

/** Copies, and makes the copy like the log, on disk. */
async function copyWhole(
  log: FileHandle,
  archive: FileHandle,
  { from, until }: { readonly from: number; readonly until: number },
  signal: AbortSignal,
): Promise<void> {
  const stats = await log.stat();
  const sparse = stats.blocks * 512 < stats.size;
  const bytes = await copyRange(log, archive, { from, until, sparse }, signal);
  if (bytes !== until - from)
    throw new WavspoolError(
      'LOG_UNUSABLE',
      'it was shortened while it was copied: does another program rotate it too?',
    );
  await giveAttributes(archive, stats);
  await archive.sync();
}

/**
 * How the log is to be cut: by a collapse when a program appends to it. A writer that keeps its own offset is reported, and the
 * log is truncated under it as logrotate would, for a collapse would make it overwrite lines. A writer that this process cannot
 * see, in a container or of another user, is reported when the log grows; whether it appends shows after the first cut. A log
 * that no process has open is emptied if it stays still: no line can be lost.
 */
async function chooseCut(
  deps: RotateDeps,
  log: FileHandle,
  { facts, state, signal }: Starting,
): Promise<'collapse' | 'truncate' | 'empty'> {
  const before = await log.stat({ bigint: true });
  if (!before.isFile() || before.nlink !== 1n)
    throw new WavspoolError('LOG_UNUSABLE', 'something else was put in its place while it was opened');
  const hasHole = state.last !== null && (await hasHoleBehind(log, facts.archived));
  const writers = await writersOf(identityOf(before), log.fd);
  const stubborn = writers.filter(({ appends }) => !appends);
  for (const { pid, program } of stubborn)
    deps.report('log writer without append', { log: facts.path, writerPid: pid, program });
  if (hasHole && stubborn.length === 0) deps.report('log writer hidden', { log: facts.path, appends: false });
  if (stubborn.length > 0 || hasHole) return 'truncate';
  if (writers.length > 0) return 'collapse';
  return chooseUnseen(deps, log, { before, path: facts.path }, signal);
}

/** A log that no process is seen to have open: whether it stays still is what counts. */
async function chooseUnseen(
  { clock, report }: RotateDeps,
  log: FileHandle,
  { before, path }: { readonly before: BigIntStats; readonly path: string },
  signal: AbortSignal,
): Promise<'collapse' | 'empty'> {
  const ageMs = clock.now() - Number(before.mtimeMs);
  if (ageMs < STILL_MS) await clock.sleep(STILL_MS - Math.max(0, ageMs), signal);
  const after = await log.stat({ bigint: true });
  if (after.size === before.size && after.mtimeNs === before.mtimeNs) return 'empty';
  report('log writer hidden', { log: path, appends: null }); // it grows, and no process is seen that writes it
  return 'collapse';
}

/** A writer that keeps its own offset goes on there after the log was cut: zeros lie between what was left and its next line. */
async function hasHoleBehind(log: FileHandle, from: number): Promise<boolean> {
  const { bytesRead, buffer } = await log.read(Buffer.alloc(HOLE_LOOK_BYTES), 0, HOLE_LOOK_BYTES, from);
  return buffer.subarray(0, bytesRead).includes(HOLE);
}

/** How much of it a collapse takes away; null on a file system with such blocks as none that can collapse has. */
async function collapsible(log: FileHandle, path: string, until: number): Promise<number | null> {
  const { bsize } = await statfs(path);
  if (bsize > LARGEST_BLOCK_BYTES) return null; // a network's
  return collapsibleBytes(until, (await log.stat()).size, bsize);
}

async function rotateByMove(
  deps: RotateDeps,
  entry: LogEntry,
  plan: ArchivePlan,
  start: Starting,
): Promise<RotationResult> {
  const { path, size } = start.facts;
  const log = await identityAt(path);
  if (log === undefined) throw new WavspoolError('LOG_MISSING', `${path} has just gone`);
  const directory = dirname(plan.archive);
  if ((await stat(directory)).dev !== (await stat(path)).dev)
    throw new WavspoolError(
      'LOG_UNUSABLE',
      `${path} cannot be renamed into ${directory}, on another disk: say copytruncate: true`,
    );
  const open: OpenRotation = {
    at: deps.clock.now(),
    log,
    how: 'move',
    temporary: path,
    archive: { path: plan.archive, file: log },
    ...(await owned(plan)),
    compress: entry.compress && !entry.delaycompress,
    from: 0,
    until: size,
    size,
    collapse: null,
    after: null,
  };
  await writeLogState(deps, { ...start.state, open });
  await publishOrThrow(open, deps, start);
  return complete(deps, start.state, open, { cut: MOVED, finished: false, ...start });
}

async function publishOrThrow(
  open: OpenRotation,
  deps: RotateDeps,
  { facts, named }: Starting,
): Promise<void> {
  if (!(await publishArchive(open, deps.timezone)))
    throw new WavspoolError('LOG_UNUSABLE', `${facts.path}: another program has removed ${open.temporary}`);
  named(open.archive.path);
}

/** `rotate: 0`: no archive is kept, so none is made; older ones go as always. */
async function discard(
  deps: RotateDeps,
  entry: LogEntry,
  plan: ArchivePlan,
  { facts: { path, size }, state }: Starting,
): Promise<RotationResult> {
  const doomed = [...plan.aged, ...plan.removes, ...plan.shifts.map(({ from }) => from)];
  const { removes } = await owned({ ...plan, aged: [], shifts: [], removes: doomed });
  await removeOwn(removes);
  if (entry.copytruncate) {
    await using log = await openPlain(path, 'read and write');
    await log.truncate(0);
    await log.sync();
  } else {
    await unlink(path);
    await syncDirectory(dirname(path));
  }
  const last = { at: deps.clock.now(), archive: null, way: 'window', windowUs: 0, bytes: size } as const;
  await writeLogState(deps, { ...state, head: null, last });
  return {
    log: path,
    outcome: 'rotated',
    archive: null,
    way: entry.copytruncate ? 'window' : 'move',
    windowUs: 0,
    why: null,
    bytes: size,
    linesInFront: 0,
    removed: removes.map(({ path }) => path),
    finished: false,
  };
}

type Names = Pick<OpenRotation, 'aged' | 'shifts' | 'removes'>;

/** The plan's names with the files that have them now. */
async function owned({ aged, shifts, removes }: ArchivePlan): Promise<Names> {
  const ownThen = (path: string) => own(path, shifts.find(({ to }) => to === path)?.from);
  const shifted = shifts.map(async ({ from, to }) => {
    const file = await identityAt(from);
    return file === undefined ? [] : [{ path: from, file, to }];
  });
  return {
    aged: (await Promise.all(aged.map((path) => own(path)))).flat(),
    shifts: (await Promise.all(shifted)).flat(),
    removes: (await Promise.all(removes.map(ownThen))).flat(),
  };
}

/** `path` with the file that has it now, or that is to have it because it is now at `from`. */
async function own(path: string, from = path): Promise<readonly OwnFile[]> {
  const file = await identityAt(from);
  return file === undefined ? [] : [{ path, file }];
}
