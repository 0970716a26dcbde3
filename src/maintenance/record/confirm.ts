import { unlessGone } from '../../domain/faults.ts';
import { openDirectory } from '../../platform/linux/index.ts';
import { openDoubt, type CopyRecord } from './record.ts';
import { recordsIn, writeRecord } from './records.ts';

/**
 * Notes that an operator says of the copies in doubt in `dir` that they are what they should be, and returns their records: of those
 * that `isMeant` picks. Safe to repeat. Throws PATH_UNSAFE or what the system says; a directory that is not there has none.
 */
export async function confirmCopies(
  dir: string,
  isMeant: (record: CopyRecord) => boolean,
  now: number,
): Promise<readonly CopyRecord[]> {
  await using directory = await openDirectory(dir).catch(unlessGone);
  if (directory === undefined) return [];
  const doubtful = [...(await recordsIn(directory)).values()].filter(
    (record) => openDoubt(record) !== undefined && isMeant(record),
  );
  for (const record of doubtful) await writeRecord(directory, { ...record, confirmedAt: now });
  return doubtful;
}
