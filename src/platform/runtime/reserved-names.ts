import { TEMPORARY_PREFIX } from './durable-file.ts';

/** Where the bucket keeps receipts, and objects that were found altered; what tells one directory from another. */
const RESERVED = ['.receipts', '.altered', '.wavspool.id'];

/** Whether a file or directory of that name would be taken for one of wavspool's own; no member and no tar may have one. */
export function isReservedName(name: string): boolean {
  return RESERVED.includes(name) || name.startsWith(TEMPORARY_PREFIX);
}

/** For messages. */
export const RESERVED_NAMES = [...RESERVED, `${TEMPORARY_PREFIX}*`].join(', ');
