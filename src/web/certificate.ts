import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf, WavspoolError } from '../domain/faults.ts';
import type { Settings } from '../platform/config/index.ts';

/** What `http.tls` names, read. Throws SETTINGS_INVALID with the file that cannot be read, is no PEM, or does not fit the other. */
export function certificate({ cert, key }: NonNullable<Settings['http']['tls']>): {
  readonly cert: Buffer;
  readonly key: Buffer;
} {
  const pem = { cert: read('http.tls.cert', cert), key: read('http.tls.key', key) };
  const shown = understood('http.tls.cert', cert, 'certificate', () => new X509Certificate(pem.cert));
  const own = understood('http.tls.key', key, 'private key', () => createPrivateKey(pem.key));
  if (!shown.checkPrivateKey(own))
    throw new WavspoolError('SETTINGS_INVALID', `http.tls.key: ${key} is not the key of ${cert}`);
  return pem;
}

function read(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new WavspoolError('SETTINGS_INVALID', `${setting}: ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
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
