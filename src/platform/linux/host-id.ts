import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * The same for processes that see the same root directory on the same running machine and say the same of `what`, and for no others: by
 * the machine's boot and the root's inode, for a machine that was cloned, or made from the same image, has the names and ids of the other.
 * Undefined where the kernel does not tell of its boot.
 */
export function hostId(what: string, bootFile = '/proc/sys/kernel/random/boot_id'): string | undefined {
  const boot = readIfThere(bootFile);
  if (boot === undefined) return undefined;
  const { dev, ino } = statSync('/', { bigint: true });
  const hash = createHash('sha256').update([boot, dev, ino, what].join('\0')).digest('hex');
  return `${hostname()}-${hash.slice(0, 12)}`;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined; // without /proc nothing tells one machine from another
  }
}
