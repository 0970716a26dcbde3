import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { ListedObject } from './object-store.ts';
import { type StoreDeps, requireField } from './objects.ts';

/** Every object below `prefix`, a page of at most 1,000 at a time. S3 lists keys in the order of their UTF-8 bytes. */
export async function* listObjects(
  { settings, connection }: StoreDeps,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ListedObject> {
  const what = `list the objects below ${prefix === '' ? 'the bucket' : prefix}`;
  for (let token: string | undefined; ;) {
    const command = new ListObjectsV2Command({
      Bucket: settings.bucket,
      Prefix: prefix,
      ContinuationToken: token,
    });
    const page = await connection.send(
      { what, run: (client, options) => client.send(command, options) },
      signal,
    );
    const more = requireField(page.IsTruncated, 'IsTruncated', what, connection);
    for (const { Key: key, Size: size, ETag: etag, LastModified: modified } of page.Contents ?? []) {
      yield {
        key: requireField(key, 'Key', what, connection),
        size: size ?? 0,
        etag: requireField(etag, 'ETag', what, connection),
        modified: requireField(modified, 'LastModified', what, connection).getTime(),
      };
    }
    if (!more) return;
    token = requireField(page.NextContinuationToken, 'NextContinuationToken', what, connection);
  }
}
