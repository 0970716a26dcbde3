import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import type { Settings } from '../config/index.ts';
import { certificateAuthorities } from '../runtime/index.ts';

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
    ...(cert !== undefined && { cert: read(cert, 'redis.tls.cert') }),
    ...(key !== undefined && { key: read(key, 'redis.tls.key') }),
    ...(servername !== undefined && { servername }),
  };
}

function read(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WavspoolError('SETTINGS_INVALID', `${setting}: ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
