import { createHash } from 'node:crypto';
import { rm, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { makeDirectory } from '../../platform/runtime/index.ts';
import { versionAt, type TarVersion } from '../../domain/tar.ts';
import { openTar } from '../../platform/tar/index.ts';
import type { ExtractDeps } from './deps.ts';
import { extractionFault } from './host-trouble.ts';
import { publishAll } from './publish.ts';
import { requireRoom } from './room.ts';
import { openScratchOfTar } from './scratch.ts';
import { once, writtenOf, type Staging } from './stage.ts';
import { stageMembers } from './stage-members.ts';
import { oddities, type Tally } from './tally.ts';
import { directoryOfTar } from './tar-place.ts';
import { createTimeSlices } from './time-slices.ts';

/**
 * Extracts one tar, top to bottom:
 *  1. is it still the version that was queued, and is there room for it?
 *  2. every member: take, skip or refuse; taken ones are written under temporary names, hashed and synced, or stay in the tar
 *  3. the tar ended as a tar must and did not change meanwhile
 *  4. every recording gets its final name
 *  5. one transaction: the rows of its recordings and its own
 * Nothing has a final name before the whole tar was read, so a bad tar leaves nothing behind. Safe to repeat.
 * Throws WavspoolError, or the signal's reason.
 */
export async function extractTar(deps: ExtractDeps, tar: TarVersion, signal: AbortSignal): Promise<void> {
  const directory = directoryOfTar(deps.incoming, deps.extracted, tar.path);
  const file = await openTar(tar.path, deps.incoming);
  try {
    await requireVersion(tar, file);
    await extractTo(directory, deps, tar, file, signal);
    deps.needs?.delete(tar.path);
  } finally {
    await file.close();
  }
}

async function extractTo(
  directory: string,
  deps: ExtractDeps,
  tar: TarVersion,
  file: FileHandle,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = deps.clock.monotonicMs();
  const scratch = openScratchOfTar();
  const { turns = createTimeSlices(deps.clock) } = deps;
  const prepare = once(() => prepareDirectory(directory, deps, tar));
  const staging: Staging = { deps, tar, file, directory, scratch, yieldTurn: turns(), signal, prepare };
  try {
    await requireThere(deps);
    if (deps.limits.copy) await prepare();
    const sha256 = createHash('sha256');
    const tally = await stageMembers(staging, (chunk) => sha256.update(chunk));
    await requireVersion(tar, file);
    if (prepare.wasDone()) await requireRoomForNames(staging, tally);
    // the rows will say that the bytes lie in the tar: the client that landed it need not have synced it (P3)
    if (tally.inTar.recordings > 0) await file.datasync();
    await requireThere(deps);
    await publish(staging);
    await requireThere(deps); // no row says of a file that it is there when its disk went while it got its name
    const taken = scratch.taken();
    const hash = sha256.digest('hex');
    const committed = await deps.tars.commit(tar, {
      recordings: { [Symbol.iterator]: () => scratch.placed()[Symbol.iterator]() },
      refused: scratch.refused(),
      summary: {
        ...taken,
        sha256: hash,
        skipped: tally.skippedCount,
        refused: tally.refusedCount,
        batchSize: deps.batchSize?.(taken) ?? 1,
      },
    });
    deps.report('tar extracted', {
      tar: tar.path,
      sha256: hash,
      recordings: taken.recordings,
      known: committed.known,
      skipped: tally.skippedCount,
      refused: tally.refusedCount,
      bytes: taken.bytes,
      ms: Math.round(deps.clock.monotonicMs() - startedAt),
      skippedNames: tally.skipped,
      skippedReasons: tally.skippedReasons,
      refusedNames: tally.refused,
      notes: oddities(tally),
    });
  } catch (error) {
    for (const temporary of scratch.temporaries()) await rm(temporary, { force: true });
    throw signal.aborted ? error : extractionFault(error, tar.path, directory);
  } finally {
    scratch.discard();
  }
}

/** Room for a compressed tar cannot be foreseen: what it is known to need, else its own size. */
async function prepareDirectory(directory: string, deps: ExtractDeps, tar: TarVersion): Promise<void> {
  await makeDirectory(directory);
  // of a tar that is not copied only some members are written, and looked at as they come
  const bytes = deps.limits.copy ? Math.max(tar.size, deps.needs?.get(tar.path) ?? 0) : 0;
  const need = { bytes, inodes: 1, written: { bytes: 0, inodes: 0 } };
  await requireRoom(directory, tar.path, need, deps.limits.minFreeBytes);
}

/** Below the mount point of a disk that is away nothing is written. Throws HOST_FAILING. */
async function requireThere({ away }: ExtractDeps): Promise<void> {
  const reason = await away?.();
  if (reason !== undefined) throw new WavspoolError('HOST_FAILING', reason);
}

/** Directories are made with the names: as many as inodes were counted beyond the files that are there already. */
async function requireRoomForNames({ deps, tar, directory }: Staging, tally: Tally): Promise<void> {
  const { bytes, inodes, files } = writtenOf(tally);
  const need = { bytes, inodes, written: { bytes, inodes: files } };
  await requireRoom(directory, tar.path, need, deps.limits.minFreeBytes);
}

async function publish({ deps, tar, directory, scratch, yieldTurn, signal }: Staging): Promise<void> {
  const row = await deps.tars.get(tar.path);
  await publishAll(
    {
      occupants: (paths) => deps.tars.occupants(paths),
      askStore: deps.askStore ?? (() => Promise.resolve(undefined)),
      isLegacy: row !== undefined && row.size === undefined,
      yieldTurn,
      signal,
    },
    scratch,
    directory,
    basename(tar.path),
  );
}

/** By the open file: what its name has come to mean meanwhile is another tar. */
async function requireVersion(tar: TarVersion, file: FileHandle): Promise<void> {
  const found = versionAt(tar.path, await file.stat());
  if (found.size === tar.size && found.mtimeMs === tar.mtimeMs) return;
  throw new WavspoolError(
    'TAR_CHANGED',
    `${tar.path} is not the version that was queued (${tar.size} bytes): it has ${found.size} bytes now`,
  );
}
