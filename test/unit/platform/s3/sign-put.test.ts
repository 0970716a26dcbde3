import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPutSigner, type Credentials } from '../../../../src/platform/s3/sign-put.ts';

const HASH = 'ab'.repeat(32);
const word = fc.stringMatching(/^[A-Za-z0-9+/=_-]{1,30}$/);
const credentials: fc.Arbitrary<Credentials> = fc.record(
  { accessKeyId: word, secretAccessKey: word, sessionToken: word },
  { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
);
const metadata = fc.dictionary(
  fc.stringMatching(/^x-amz-(meta|storage)-[a-z0-9-]{1,12}$/),
  fc.stringMatching(/^[ -~\t]{0,30}$/),
);
const put = fc.record({
  path: fc.stringMatching(/^(\/([A-Za-z0-9._~-]|%[0-9A-F]{2}){1,12}){1,4}$/),
  host: fc.stringMatching(/^[a-z0-9.-]{1,20}(:[0-9]{2,5})?$/),
  metadata,
});
const times = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());

test('a PUT is signed as the SDK signs it', async () => {
  await fc.assert(
    fc.asyncProperty(put, credentials, word, times, async ({ path, host, metadata }, who, region, time) => {
      const headers = { ...metadata, host, 'content-length': '10', 'x-amz-content-sha256': HASH };
      const signer = new SignatureV4({
        service: 's3',
        region,
        credentials: who,
        sha256: Sha256,
        uriEscapePath: false,
        applyChecksum: false,
      });
      const request = { method: 'PUT', protocol: 'https:', hostname: host, path, headers };
      const { headers: expected } = await signer.sign(request, { signingDate: time });
      expect(createPutSigner(region)({ path, headers }, who, time)).toStrictEqual(expected);
    }),
  );
});

test('other credentials and another day have another key', () => {
  const sign = createPutSigner('us-east-1');
  const put = { path: '/bucket/key', headers: { host: 'store', 'x-amz-content-sha256': HASH } };
  const one = { accessKeyId: 'one', secretAccessKey: 'first' };
  const two = { accessKeyId: 'one', secretAccessKey: 'second' };
  const today = '2026-11-21T23:59:59.999Z';
  const tomorrow = '2026-11-22T00:00:00.000Z';
  for (const [who, time] of [
    [one, today],
    [two, today],
    [two, tomorrow],
    [one, tomorrow],
  ] as const)
    expect(sign(put, who, time)).toStrictEqual(createPutSigner('us-east-1')(put, who, time));
});
