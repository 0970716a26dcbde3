import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A key and a certificate of its own for these IP addresses, two files in `directory`. Needs the program `openssl`. */
export function makeCertificate(
  directory: string,
  name: string,
  addresses: readonly string[] = ['127.0.0.1'],
): { readonly cert: string; readonly key: string } {
  const files = { cert: join(directory, `${name}.cert.pem`), key: join(directory, `${name}.key.pem`) };
  const made = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test';
  const forHost = ['-addext', `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}`];
  const args = [...made.split(' '), ...forHost, '-keyout', files.key, '-out', files.cert];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return files;
}
