import { getCACertificates } from 'node:tls';
import { WavspoolError } from '../../domain/faults.ts';
import { readNamedFile } from './read-named-file.ts';

/**
 * The certificate authorities to trust with those of a PEM file: Node's own and what NODE_EXTRA_CA_CERTS names stay, which they
 * would not if the file were given alone. Undefined without a file: Node's default. Throws SETTINGS_INVALID, which names the setting.
 */
export function certificateAuthorities(file: string | undefined, setting: string): string[] | undefined {
  if (file === undefined) return undefined;
  const pem = readNamedFile(setting, file).toString('utf8');
  if (!pem.includes('-----BEGIN CERTIFICATE-----'))
    throw new WavspoolError('SETTINGS_INVALID', `${setting}: ${file} holds no certificate in PEM form`);
  return [...getCACertificates('default'), pem];
}
