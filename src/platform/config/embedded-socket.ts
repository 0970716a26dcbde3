import { join } from 'node:path';

/**
 * The unix socket of the embedded Redis, in a directory below `paths.data` that only its user can open. The path may be longer
 * than one that the kernel takes.
 */
export function embeddedSocket(data: string): string {
  return join(data, 'redis', 'redis.sock');
}
