import type { ConnectionOptions } from 'node:tls';
import type { Settings } from '../config/index.ts';
import { certificateAuthorities, readNamedFile } from '../runtime/index.ts';

/** `redis.tls` as Node takes it. Throws SETTINGS_INVALID for a file that cannot be read or is no certificate. */
export function tlsOptions({
  ca,
  cert,
  key,
  servername,
}: NonNullable<Settings['redis']['tls']>): ConnectionOptions {
  const authorities = certificateAuthorities(ca, 'redis.tls.ca');
  return {
    ...(authorities !== undefined && { ca: authorities }),
    ...(cert !== undefined && { cert: readNamedFile('redis.tls.cert', cert) }),
    ...(key !== undefined && { key: readNamedFile('redis.tls.key', key) }),
    ...(servername !== undefined && { servername }),
  };
}
