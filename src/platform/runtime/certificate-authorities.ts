import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { WavspoolError, messageOf } from '../../domain/faults.ts';

/**
 * The certificate authorities to trust with those of a PEM file: Node's own and what NODE_EXTRA_CA_CERTS names stay, which they
 * would not if the file were given alone. Undefined without a file: Node's default. Throws SETTINGS_INVALID, which names the setting.
 */
export function certificateAuthorities(file: string | undefined, setting: string): string[] | undefined {
  if (file === undefined) return undefined;
  const pem = read(file, setting);
  if (!pem.includes('-----BEGIN CERTIFICATE-----'))
    throw new WavspoolError('SETTINGS_INVALID', `${setting}: ${file} holds no certificate in PEM form`);
  return [...getCACertificates('default'), pem];
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
