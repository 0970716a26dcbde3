import { hash } from 'node:crypto';
import type { S3Settings } from './connection.ts';
import { S3Fault } from './s3-faults.ts';

/** A checksum that goes beside the signed payload hash, for buckets that demand one: `Content-MD5`, or `x-amz-checksum-sha256`. */
export type Checksum = 'none' | 'md5' | 'sha256';

/** Which checksum requests with a body bear, as `s3.checksum` says; `auto` goes by what the bucket demands. */
export interface Checksums {
  /** The present one. */
  current(): Checksum;
  /**
   * Runs what sends a body with the present checksum. Where the bucket demands another, as one with Object Lock does, it is run
   * again with the next, and what served is remembered. Throws what the first run threw.
   */
  run<T>(send: (checksum: Checksum) => Promise<T>): Promise<T>;
}

/** What is tried, in this order, for bodies in one request and for parts. */
export function createChecksums(settings: Pick<S3Settings, 'checksum' | 'endpoint'>): {
  readonly whole: Checksums;
  readonly parts: Checksums;
} {
  const { checksum, endpoint } = settings;
  if (checksum !== 'auto') {
    const fixed = ladder([checksum]);
    return { whole: fixed, parts: fixed };
  }
  // AWS is certain to know the SHA-256. For parts it must be announced at their beginning, which Content-MD5 need not.
  if (endpoint === undefined) return { whole: ladder(['sha256', 'md5']), parts: ladder(['md5', 'sha256']) };
  // some S3-compatible stores answer a header that they do not know with an error, and MD5 costs as much as the SHA-256 did
  const learned = ladder(['none', 'md5', 'sha256']);
  return { whole: learned, parts: learned };
}

function ladder(checksums: readonly [Checksum, ...Checksum[]]): Checksums {
  let [present] = checksums;
  return {
    current: () => present,
    run: async (send) => {
      const first = present;
      try {
        return await send(first);
      } catch (refusal) {
        if (!demandsChecksum(refusal)) throw refusal;
        for (const other of checksums) {
          if (other === first) continue;
          try {
            const sent = await send(other);
            present = other; // only now is it sure that this was what the bucket missed
            return sent;
          } catch (next) {
            if (!demandsChecksum(next)) throw next;
          }
        }
        throw refusal;
      }
    },
  };
}

/** Whether a store refuses a body for want of a checksum. Stores have no word for it in common. */
function demandsChecksum(error: unknown): boolean {
  if (!(error instanceof S3Fault) || error.status !== 400 || error.code !== 'OBJECT_REJECTED') return false;
  return (
    error.s3Code === 'InvalidRequest' ||
    error.s3Code === 'MissingContentMD5' ||
    /md5|checksum/i.test(error.message)
  );
}

/** The headers, in lower case, of a body with these SHA-256 (lower-case hex). */
export function checksumHeaders(
  checksum: Checksum,
  body: Uint8Array,
  sha256: string,
): Readonly<Record<string, string>> {
  if (checksum === 'md5') return { 'content-md5': hash('md5', body, 'base64') };
  return checksum === 'sha256' ? { 'x-amz-checksum-sha256': base64Of(sha256) } : {};
}

/** The same as fields of the SDK's commands. */
export function checksumFields(
  checksum: Checksum,
  body: Uint8Array,
  sha256: string,
): { readonly ContentMD5?: string; readonly ChecksumSHA256?: string } {
  if (checksum === 'md5') return { ContentMD5: hash('md5', body, 'base64') };
  return checksum === 'sha256' ? { ChecksumSHA256: base64Of(sha256) } : {};
}

function base64Of(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}
