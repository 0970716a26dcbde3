import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type MultipartUpload,
} from '@aws-sdk/client-s3';
import { type StoreDeps, requireField } from './objects.ts';
import { S3Fault } from './s3-faults.ts';

/** Aborts every multipart upload below the prefix that began before `before` (ms since 1970); returns how many. */
export async function abortUploadsBefore(
  deps: StoreDeps,
  before: number,
  signal: AbortSignal,
): Promise<number> {
  // All pages first: aborting while listing moves what the next page's markers refer to.
  const stale: MultipartUpload[] = [];
  for await (const upload of listUploads(deps, signal)) {
    if (upload.Initiated !== undefined && upload.Initiated.getTime() < before) stale.push(upload);
  }
  let aborted = 0;
  for (const upload of stale) {
    if (await abortUpload(deps, upload, signal)) aborted += 1;
  }
  return aborted;
}

async function* listUploads(
  { settings, connection }: StoreDeps,
  signal: AbortSignal,
): AsyncGenerator<MultipartUpload> {
  const what = 'list the multipart uploads';
  let keyMarker: string | undefined;
  let uploadIdMarker: string | undefined;
  for (;;) {
    const command = new ListMultipartUploadsCommand({
      Bucket: settings.bucket,
      Prefix: settings.prefix,
      KeyMarker: keyMarker,
      UploadIdMarker: uploadIdMarker,
    });
    const page = await connection.send(
      { what, run: (client, options) => client.send(command, options) },
      signal,
    );
    const more = requireField(page.IsTruncated, 'IsTruncated', what, connection);
    yield* page.Uploads ?? [];
    if (!more) return;
    keyMarker = requireField(page.NextKeyMarker, 'NextKeyMarker', what, connection);
    uploadIdMarker = page.NextUploadIdMarker;
  }
}

/** False when it was gone already: completed or aborted since it was listed. */
async function abortUpload(
  { settings, connection }: StoreDeps,
  { Key: key, UploadId: uploadId }: MultipartUpload,
  signal: AbortSignal,
): Promise<boolean> {
  const command = new AbortMultipartUploadCommand({ Bucket: settings.bucket, Key: key, UploadId: uploadId });
  try {
    await connection.send(
      {
        what: `abort the stale multipart upload of ${key}`,
        run: (client, options) => client.send(command, options),
      },
      signal,
    );
    return true;
  } catch (error) {
    if (error instanceof S3Fault && error.s3Code === 'NoSuchUpload') return false;
    throw error;
  }
}
