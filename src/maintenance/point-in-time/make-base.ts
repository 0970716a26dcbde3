import type { Report } from '../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../domain/faults.ts';
import { rm } from 'node:fs/promises';
import { temporaryPath, type Clock } from '../../platform/runtime/index.ts';
import { finishCopy } from '../../platform/sqlite/index.ts';
import { markVerified } from './archive.ts';
import { publishBase, unpackBase, type BaseImage } from './bases.ts';
import type { BaseDescription } from './format.ts';

/** What a base holds, but for what its image adds. */
export type BaseFacts = Omit<
  BaseDescription,
  'format' | 'link' | 'sha256' | 'storedBytes' | 'storedSha256'
> & {
  /** The link of the record whose state it is; none when no record leads to it. */
  readonly link: string | undefined;
};

/**
 * Proves an image by unpacking it, opening it and checking it whole, and only then gives it its name. Throws
 * DATABASE_DAMAGED, and leaves nothing, when the check finds faults: the live database has them then.
 */
async function completeBase(
  directory: string,
  image: BaseImage,
  facts: BaseFacts,
  clock: Clock,
  signal: AbortSignal,
): Promise<BaseDescription> {
  const { sha256, storedBytes, storedSha256 } = image;
  const base: BaseDescription = {
    ...facts,
    format: 1,
    link: facts.link ?? sha256,
    sha256,
    storedBytes,
    storedSha256,
  };
  const copy = temporaryPath(directory);
  try {
    await unpackBase(image.path, base, copy, signal);
    const faults = finishCopy(copy);
    if (faults.length > 0) {
      const message = `${facts.database}: integrity_check finds in its copy: ${faults.join('; ')}`;
      throw new WavspoolError('DATABASE_DAMAGED', message);
    }
    await publishBase(directory, image, base);
  } finally {
    await removeCopy(copy);
    await image.discard();
  }
  const { position, at } = base;
  await markVerified(directory, base, { position, through: { position, at }, at: clock.now() });
  return base;
}

/**
 * As completeBase, and says so. A copy that is not sound ends the run, unless the records go on without a new base: then it
 * is refused, with an alarm, and undefined comes back.
 */
export async function offerBase(
  deps: { readonly clock: Clock; readonly report: Report },
  directory: string,
  image: BaseImage,
  facts: BaseFacts,
  signal: AbortSignal,
): Promise<BaseDescription | undefined> {
  const { database, reason, position, pageCount } = facts;
  try {
    const base = await completeBase(directory, image, facts, deps.clock, signal);
    const bytes = base.storedBytes;
    deps.report('point in time base written', { database, reason, position, pageCount, bytes });
    return base;
  } catch (error) {
    if (faultCode(error) !== 'DATABASE_DAMAGED' || !facts.continues) throw error;
    deps.report('point in time base refused', { database, reason: messageOf(error) });
    return undefined;
  }
}

/** Removes a temporary database with whatever SQLite put beside it. */
export async function removeCopy(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${path}${suffix}`, { force: true });
}
