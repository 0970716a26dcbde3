import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { WavspoolError, messageOf } from '../../../domain/faults.ts';
import type { PostgresAddress } from '../../config/index.ts';

/** What the library takes for TLS; its files are read now. Throws SETTINGS_INVALID. */
export function tlsOptions(address: PostgresAddress, host: string): ConnectionOptions | undefined {
  const { tls } = address;
  if (tls === undefined) return undefined;
  const [ca, cert, key] = [read(tls.ca), read(tls.cert), read(tls.key)];
  return {
    rejectUnauthorized: tls.isVerified,
    ...(!/^[\d.]+$|:/.test(host) && { servername: host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function read(file: string | undefined): Buffer | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file);
  } catch (error) {
    throw new WavspoolError('SETTINGS_INVALID', `state.url: ${messageOf(error)}`, { cause: error });
  }
}
