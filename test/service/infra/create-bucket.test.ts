import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  DeleteBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  type LifecycleRule,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { abortsBelow } from '../../../src/platform/s3/probe.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';

const run = promisify(execFile);

async function createBucket(s3: TestS3, bucket: string): Promise<string> {
  const env = {
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: 'us-east-1',
    S3_BUCKET: bucket,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  return (await run(process.execPath, ['infra/containers/create-bucket.ts'], { env })).stdout;
}

async function rulesOf(s3: TestS3, bucket: string): Promise<readonly LifecycleRule[]> {
  const answer = await s3.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
  return answer.Rules ?? [];
}

test('a bucket is made with a rule that doctor accepts, and made once', async () => {
  await using s3 = await startS3();
  const bucket = `${s3.bucket}-made`;
  expect(await createBucket(s3, bucket)).toMatch(/: made\n.*not finished within 7 days are removed/);
  try {
    const rules = await rulesOf(s3, bucket);
    expect(rules.some((rule) => abortsBelow(rule, 'recordings/'))).toBe(true);
    expect(await createBucket(s3, bucket)).toMatch(/: there\n.*stay as they are/);
    expect(await rulesOf(s3, bucket)).toEqual(rules);
  } finally {
    await s3.client.send(new DeleteBucketCommand({ Bucket: bucket }));
  }
});

test('the rules that a bucket has stay', async () => {
  await using s3 = await startS3();
  const own = { ID: 'own', Status: 'Enabled' as const, Filter: { Prefix: 'old/' }, Expiration: { Days: 9 } };
  await s3.client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket: s3.bucket,
      LifecycleConfiguration: { Rules: [own] },
    }),
  );
  await createBucket(s3, s3.bucket);
  expect((await rulesOf(s3, s3.bucket)).map(({ ID }) => ID)).toEqual(['own']);
});
