import { unlessGone } from '../../domain/faults.ts';
import { openDirectory } from '../../platform/linux/index.ts';
import type { CopyRecord, Damage } from './record.ts';
import { recordsIn, writeRecord } from './records.ts';

/**
 * Notes in the record of a copy in `dir` what reading it has found: nothing, or its damage. A record that speaks of another copy by
 * now, or is gone, is left alone. Safe to repeat. To be called under the lock of the jobs that make such copies. Throws PATH_UNSAFE,
 * or what the system says.
 */
export async function noteDamage(dir: string, read: CopyRecord, damage: Damage | undefined): Promise<void> {
  await using directory = await openDirectory(dir).catch(unlessGone);
  if (directory === undefined) return;
  const present = (await recordsIn(directory)).get(read.file);
  if (present === undefined || present.sha256 !== read.sha256 || present.at !== read.at) return;
  await writeRecord(directory, { ...present, damage });
}
