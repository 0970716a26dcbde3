// Makes the bucket when it is not there, for a store that starts empty. Safe to repeat.
//
//   node infra/containers/create-bucket.ts      with S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID and
//                                               S3_SECRET_ACCESS_KEY in the environment

import { CreateBucketCommand, HeadBucketCommand, NotFound, S3Client } from '@aws-sdk/client-s3';

const CONNECT_ATTEMPTS = 10;

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
