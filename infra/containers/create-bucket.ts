// Makes the bucket when it is not there, for a store that starts empty, with a rule that removes the parts of uploads that a crash
// left behind. A bucket that is there keeps its rules. Safe to repeat.
//
//   node infra/containers/create-bucket.ts      with S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID and
//                                               S3_SECRET_ACCESS_KEY in the environment

import {
  CreateBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  HeadBucketCommand,
  NotFound,
  PutBucketLifecycleConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';

const CONNECT_ATTEMPTS = 10;
/** How long the parts of an upload that was begun may lie. */
const DAYS = 7;

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}

async function exists(client: S3Client, bucket: string): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch (error) {
    if (error instanceof NotFound) return false;
    throw error;
  }
}

/** Whether it has rules of its own; a store that knows none says so with an error. */
async function hasRules(client: S3Client, bucket: string): Promise<boolean> {
  try {
    const { Rules: rules = [] } = await client.send(
      new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }),
    );
    return rules.length > 0;
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchLifecycleConfiguration') return false;
    throw error;
  }
}

/** Without it, the parts that a crash leaves cost money for ever where the maintain role, which looks every hour, runs no more. */
async function addRule(client: S3Client, bucket: string): Promise<string> {
  try {
    if (await hasRules(client, bucket)) return 'it has lifecycle rules, which stay as they are';
    const rule = {
      ID: 'wavspool-abort-stale-uploads',
      Status: 'Enabled' as const,
      Filter: { Prefix: '' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: DAYS },
    };
    const command = { Bucket: bucket, LifecycleConfiguration: { Rules: [rule] } };
    await client.send(new PutBucketLifecycleConfigurationCommand(command));
    return `uploads that are not finished within ${DAYS} days are removed`;
  } catch (error) {
    // the bucket is what counts; "wavspool doctor" advises about the rule
    return `no lifecycle rule: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const bucket = setting('S3_BUCKET');
const client = new S3Client({
  endpoint: setting('S3_ENDPOINT'),
  region: setting('S3_REGION'),
  forcePathStyle: true,
  credentials: { accessKeyId: setting('S3_ACCESS_KEY_ID'), secretAccessKey: setting('S3_SECRET_ACCESS_KEY') },
  // a store that has only just come up may still answer 503
  maxAttempts: CONNECT_ATTEMPTS,
});
if (await exists(client, bucket)) {
  console.log(`bucket ${bucket}: there`);
} else {
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  console.log(`bucket ${bucket}: made`);
}
console.log(`bucket ${bucket}: ${await addRule(client, bucket)}`);
