import { basename, dirname, join, sep } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { isReservedName, pathBelow, RESERVED_NAMES } from '../../platform/runtime/index.ts';
import { tarStem } from './place.ts';

/**
 * The directory below `extracted` that the members of a tar go to: its own path below `incoming`, mirrored. Throws TAR_OUTSIDE for
 * a tar that is not below `incoming`, whatever its job says, and TAR_NAME_RESERVED where its recordings would be taken for receipts
 * or for temporary files.
 */
export function directoryOfTar(incoming: string, extracted: string, tar: string): string {
  const below = pathBelow(incoming, tar);
  if (below === undefined)
    throw new WavspoolError('TAR_OUTSIDE', `${tar} does not lie below the landing directory ${incoming}`);
  const reserved = [...below.split(sep), tarStem(basename(tar))].find(isReservedName);
  if (reserved !== undefined)
    throw new WavspoolError(
      'TAR_NAME_RESERVED',
      `${tar}: the name ${reserved} is kept for wavspool itself (${RESERVED_NAMES})`,
    );
  return join(extracted, dirname(below));
}
