import { createHmac, hash } from 'node:crypto';
import type { S3ClientConfig } from '@aws-sdk/client-s3';

/** A PUT without a query. */
export interface PutToSign {
  /** With each segment percent-encoded. */
  readonly path: string;
  /** Names in lower case, `host` and `x-amz-content-sha256` among them. All are signed. */
  readonly headers: Readonly<Record<string, string>> & { readonly 'x-amz-content-sha256': string };
}

/** As the SDK finds them: keys, and a token where they are lent. */
export type Credentials = Extract<
  NonNullable<S3ClientConfig['credentials']>,
  { readonly accessKeyId: string }
>;

/** The headers of the PUT with those that sign it; `time` is ISO 8601 in UTC, by a clock that the store would agree with. */
export type SignPut = (put: PutToSign, credentials: Credentials, time: string) => Record<string, string>;

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * AWS Signature Version 4 of PUTs (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Not the SDK's
 * signer, which signs anything: it took a tenth of the uploader's CPU for small recordings (docs/performance.md).
 */
export function createPutSigner(region: string): SignPut {
  let keyOf: { readonly credentials: Credentials; readonly day: string; readonly key: Buffer } | undefined;

  const keyFor = (credentials: Credentials, day: string): Buffer => {
    if (keyOf?.credentials !== credentials || keyOf.day !== day) {
      keyOf = { credentials, day, key: signingKey(credentials.secretAccessKey, day, region) };
    }
    return keyOf.key;
  };

  return ({ path, headers }, credentials, time) => {
    const { accessKeyId, sessionToken } = credentials;
    const timestamp = time.replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
    const day = timestamp.slice(0, 8);
    const all: Record<string, string> = {
      ...headers,
      'x-amz-date': timestamp,
      ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
    };
    const names = Object.keys(all).toSorted();
    const signed = names.join(';');
    const lines = names.map((name) => `${name}:${canonicalValue(all[name] ?? '')}\n`).join('');
    const request = `PUT\n${path}\n\n${lines}\n${signed}\n${headers['x-amz-content-sha256']}`;
    const scope = `${day}/${region}/s3/aws4_request`;
    const toSign = `${ALGORITHM}\n${timestamp}\n${scope}\n${hash('sha256', request, 'hex')}`;
    const signature = createHmac('sha256', keyFor(credentials, day)).update(toSign).digest('hex');
    all['authorization'] =
      `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return all;
  };
}

function signingKey(secret: string, ...scope: readonly [day: string, region: string]): Buffer {
  const start: Buffer = Buffer.from(`AWS4${secret}`);
  return [...scope, 's3', 'aws4_request'].reduce(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    start,
  );
}

function canonicalValue(value: string): string {
  return /\s/.test(value) ? value.replaceAll(/\s+/g, ' ').trim() : value;
}
