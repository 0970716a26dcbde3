import { createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf, WavspoolError } from '../domain/faults.ts';
import type { Settings } from '../platform/config/index.ts';
import { readNamedFile } from '../platform/runtime/index.ts';

/** What `http.tls` names, read. Throws SETTINGS_INVALID with the file that cannot be read, is no PEM, or does not fit the other. */
export function certificate({ cert, key }: NonNullable<Settings['http']['tls']>): {
  readonly cert: Buffer;
  readonly key: Buffer;
} {
  const pem = { cert: readNamedFile('http.tls.cert', cert), key: readNamedFile('http.tls.key', key) };
  const shown = understood('http.tls.cert', cert, 'certificate', () => new X509Certificate(pem.cert));
  const own = understood('http.tls.key', key, 'private key', () => createPrivateKey(pem.key));
  if (!shown.checkPrivateKey(own))
    throw new WavspoolError('SETTINGS_INVALID', `http.tls.key: ${key} is not the key of ${cert}`);
  return pem;
}

function understood<Value>(setting: string, file: string, what: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw new WavspoolError(
      'SETTINGS_INVALID',
      `${setting}: ${file} holds no ${what} in PEM form: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
