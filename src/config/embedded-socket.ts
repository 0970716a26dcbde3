import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** sun_path holds 108 bytes. */
const SOCKET_PATH_MAX = 100;

/** The unix socket of the embedded Redis: below `paths.data`, or in the temporary directory when that path is too long for one. */
export function embeddedSocket(data: string): string {
  const path = join(data, 'redis', 'redis.sock');
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return path;
  return join(tmpdir(), `wavspool-${createHash('sha1').update(data).digest('hex').slice(0, 16)}.sock`);
}
