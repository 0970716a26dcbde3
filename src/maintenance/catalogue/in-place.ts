import { WavspoolError } from '../../domain/faults.ts';
import { notePlace, whyAway } from '../../platform/linux/index.ts';
import type { Maintenance } from './maintenance.ts';

/**
 * Does what puts copies into `dir`, if that is where it was: below the mount point of a disk that is away a copy would fill another
 * disk, and be hidden when the disk is back. Throws HOST_FAILING, and what `work` throws.
 */
export async function inPlace<T>(
  { dataDirectory }: Pick<Maintenance, 'dataDirectory'>,
  dir: string,
  work: () => Promise<T>,
): Promise<T> {
  const away = whyAway(dir, dataDirectory);
  if (away !== undefined) throw new WavspoolError('HOST_FAILING', `no copy is made: ${away}`);
  const result = await work();
  await notePlace(dir, dataDirectory);
  return result;
}
