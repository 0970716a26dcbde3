import { lstat, readdir, rename } from 'node:fs/promises';
import { WavspoolError, unlessGone } from '../../domain/faults.ts';
import { at, pointSymlink, syncedIn, type Directory } from '../../platform/linux/index.ts';
import {
  doubtOf,
  nextCount,
  recordsIn,
  recordsOf,
  removeRecord,
  uptimeNow,
  writeRecord,
  type CopyRecord,
  type Owner,
} from '../record/index.ts';
import type { Keep } from '../retention/index.ts';
import { latestIn, mirrorsIn } from './catalogue.ts';
import { LATEST, mirrorNames } from './names.ts';
import { nameSteps } from './name-steps.ts';

/** What is known of a tree before it has its name. */
export type Described = Pick<CopyRecord, 'at' | 'bytes' | 'sha256' | 'amounts'>;

/** A complete tree on disk, and where it goes. */
interface Publication {
  readonly from: Directory;
  /** Its name in `from`. */
  readonly tree: string;
  readonly dir: Directory;
  readonly timezone: string;
  readonly keep: Keep | undefined;
}

/**
 * Gives a complete tree its record and its name, then moves `latest` unless what the tree holds is in doubt; then the names of
 * its day as they are wanted. The record stands before the name does, so that no tree is ever without. Returns the record as it
 * ends. Throws what the system says.
 */
export async function publishTree(
  { from, tree, dir, timezone, keep }: Publication,
  described: Described & Pick<CopyRecord, 'kind' | 'origin' | 'source' | 'schedule'>,
): Promise<CopyRecord> {
  const names = mirrorNames(timezone);
  const file = names.nameFor(described.at, await namesIn(dir));
  const uptime = await uptimeNow();
  const earlier = recordsOf(await recordsIn(dir), described);
  const doubt = doubtOf({ ...described, file, uptime }, earlier, keep, timezone);
  const count = await nextCount(dir, described);
  const record = { ...described, file, count, uptime, ...(doubt !== undefined && { doubt }) };
  await writeRecord(dir, record);
  await rename(at(from, tree), at(dir, file));
  await syncedIn(dir);
  if (doubt?.about !== 'content') await pointSymlink(dir, LATEST, file);
  const renamed = await settleNames(dir, described, timezone);
  return { ...record, file: renamed.get(file) ?? file };
}

/**
 * Brings the names of a schedule's mirrors to what they should be, and `latest` to the newest good one: after a new one, and before a
 * run, for the last one may have been killed on the way. Returns the new name of each that has another one now. Throws what the system says.
 */
export async function settleNames(
  dir: Directory,
  owner: Owner,
  timezone: string,
): Promise<ReadonlyMap<string, string>> {
  const names = mirrorNames(timezone);
  const own = (await mirrorsIn(dir, owner, timezone))
    .filter(({ foreign }) => foreign === undefined)
    .map((one) => ({ ...one, verified: one.verified && one.doubt === undefined }));
  const records = new Map(own.map((one) => [one.name, one.record]));
  const renamed = new Map<string, string>();
  for (const step of nameSteps({ own, taken: await namesIn(dir), latest: await latestIn(dir) }, names)) {
    if (step.kind === 'point') {
      await pointSymlink(dir, LATEST, step.to);
      continue;
    }
    const moved = records.get(step.from);
    if (moved !== undefined) await writeRecord(dir, { ...moved, file: step.to });
    await rename(at(dir, step.from), at(dir, step.to));
    await syncedIn(dir);
    await removeRecord(dir, step.from);
    renamed.set(step.from, step.to);
  }
  return renamed;
}

/** Every name in an open directory. */
async function namesIn({ fd }: Directory): Promise<readonly string[]> {
  return readdir(`/proc/self/fd/${fd}`);
}

/** Throws MIRROR_DIRECTORY where something that is no symlink has the name `latest`. */
export async function refuseOtherLatest(dir: Directory): Promise<void> {
  const latest = await lstat(at(dir, LATEST)).catch(unlessGone);
  if (latest?.isSymbolicLink() === false)
    throw new WavspoolError('MIRROR_DIRECTORY', `${dir.path}/${LATEST} is no symlink: move it away`);
}
