import { whoHasOpen, type FileIdentity, type Opener, identityAt } from '../../platform/linux/index.ts';
import { dirname, join } from 'node:path';
import { unlink, type FileHandle } from 'node:fs/promises';
import { TEMPORARY_PREFIX } from '../../platform/runtime/index.ts';
import { openPlain } from './copy.ts';
import { compressArchive, publishArchive, removeOwn } from './publish.ts';
import { cutLog, cutSoFar, type Cut } from './cut.ts';
import type { RotateDeps, Run } from './deps.ts';
import { PLAIN } from './places.ts';
import {
  type RotationResult,
  stateName,
  writeLogState,
  type LogState,
  type OpenRotation,
  type Tidying,
} from './state-file.ts';

/** The processes that have the file open for writing, this one included, which may log to it; its `exceptFd` does not count. */
export async function writersOf(file: FileIdentity, exceptFd?: number): Promise<readonly Opener[]> {
  const except = new Set(exceptFd === undefined ? [] : [exceptFd]);
  return (await whoHasOpen(new Set([file]), except)).filter(({ writes }) => writes);
}

export interface Finishing extends Pick<Run, 'signal' | 'named'> {
  readonly lockFd: number;
}

/** Where a rotation of that log prepares what gets a name below `directory`. */
export function temporaryIn(
  { places = PLAIN }: Pick<RotateDeps, 'places'>,
  directory: string,
  log: string,
  what: 'archive' | 'gzip',
): string {
  return join(directory, `${TEMPORARY_PREFIX}${stateName(places.outside(log))}-${what}.tmp`);
}

/**
 * Ends a rotation that was written down and then cut off by a crash, from whatever it had reached; undefined when another
 * program has removed its archive before the log was cut, so that nothing is left to end.
 */
export async function finishOpen(
  deps: RotateDeps,
  state: LogState,
  open: OpenRotation,
  run: Finishing,
): Promise<RotationResult | undefined> {
  if (!(await publishArchive(open, deps.timezone))) return undefined;
  run.named(open.archive.path);
  if (open.how === 'move') return complete(deps, state, open, { cut: MOVED, finished: true, ...run });
  await using archive = await openPlain(open.archive.path, 'read and write');
  const cut =
    (await identityAt(state.log)) === open.log ? await cutAgain(deps, state, open, archive, run) : GONE;
  return await complete(deps, state, open, { cut, finished: true, ...run });
}

/** Nothing of what is archived is left in the log: it was truncated before the crash, or another program has replaced it. */
const GONE = { kind: 'cut', way: 'window', windowUs: 0, why: null, head: null } as const;
/** It became the archive itself. */
export const MOVED = { kind: 'moved' } as const;

async function cutAgain(
  deps: RotateDeps,
  state: LogState,
  open: OpenRotation,
  archive: FileHandle,
  { lockFd }: Finishing,
): Promise<Cut> {
  await using log = await openPlain(state.log, 'read and write');
  const soFar = await cutSoFar({ log, archive }, open);
  if (soFar === 'untouched') return await cutLog(deps, { log, archive, lockFd }, open);
  if (soFar === 'collapsed') return { ...GONE, way: 'collapse', head: open.after };
  return GONE;
}

interface Completing extends Finishing {
  readonly cut: Cut | typeof MOVED;
  readonly finished: boolean;
}

/** Writes down that the archive has its name and what the log begins with now; then removes and compresses. */
export async function complete(
  deps: RotateDeps,
  state: LogState,
  open: OpenRotation,
  { cut, finished, signal }: Completing,
): Promise<RotationResult> {
  const { log } = state;
  const archive = await openPlain(open.archive.path, 'read');
  const bytes = (await archive.stat()).size;
  await archive.close();
  const compressed = open.compress ? `${open.archive.path}.gz` : open.archive.path;
  const way = cut.kind === 'moved' ? 'move' : cut.kind === 'cut' ? cut.way : 'window';
  const windowUs = cut.kind === 'cut' ? cut.windowUs : 0;
  const completed: LogState = {
    ...state,
    head: cut.kind === 'moved' ? null : cut.head,
    open: null,
    tidying: tidyingOf(open),
    last: { at: open.at, archive: compressed, way, windowUs, bytes },
  };
  await writeLogState(deps, completed);
  const tidied = await finishTidying(deps, completed, signal);
  if (cut.kind === 'uncut') throw cut.error;
  return {
    log,
    outcome: 'rotated',
    archive: tidied.tidying === null ? compressed : open.archive.path,
    way,
    windowUs,
    why: cut.kind === 'cut' ? cut.why : null,
    bytes,
    linesInFront: tidied.head?.lines ?? 0,
    removed: [...open.aged, ...open.removes].map(({ path }) => path),
    finished,
  };
}

function tidyingOf({ removes, compress, archive, how }: OpenRotation): Tidying | null {
  if (removes.length === 0 && !compress) return null;
  return { removes, compress: compress ? archive.path : null, mayBeWritten: how === 'move' };
}

/**
 * Removes and compresses what a rotation has left to. An archive that a program still has open for writing, because the log
 * was renamed under him, stays as it is until the next rotation: compressed, it would lose what he writes.
 */
export async function finishTidying(
  deps: RotateDeps,
  state: LogState,
  signal: AbortSignal,
): Promise<LogState> {
  if (state.tidying === null) return state;
  const { removes, compress, mayBeWritten } = state.tidying;
  await removeOwn(removes);
  if (mayBeWritten && compress !== null && (await isStillWritten(deps, state.log, compress))) {
    const waiting = { ...state, tidying: { removes: [], compress, mayBeWritten } };
    await writeLogState(deps, waiting);
    return waiting;
  }
  if (compress !== null) {
    const { clock, timezone } = deps;
    const temporary = temporaryIn(deps, dirname(compress), state.log, 'gzip');
    await compressArchive(compress, temporary, { now: clock.now(), timezone, signal });
  }
  const tidied = { ...state, tidying: null };
  await writeLogState(deps, tidied);
  return tidied;
}

async function isStillWritten({ report }: RotateDeps, log: string, archive: string): Promise<boolean> {
  const file = await identityAt(archive);
  if (file === undefined) return false;
  const writers = await writersOf(file);
  for (const { pid, program } of writers)
    report('archive still written', { log, archive, writerPid: pid, program });
  return writers.length > 0;
}

/** Removes what a rotation prepared that came to nothing. */
export async function removeTemporary(path: string): Promise<void> {
  if ((await identityAt(path)) !== undefined) await unlink(path);
}
