import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { relative, sep } from 'node:path';
import type { ObjectStore } from '../../platform/s3/index.ts';
import type { AskStore } from './publish.ts';

/**
 * Looks at the object of a legacy row: by the SHA-256 in its metadata, else by an ETag that is its MD5, else by its
 * bytes. `open` is called for the first question; few sites ever have one.
 */
export function askStore(
  open: () => Promise<Pick<ObjectStore, 'head' | 'get'>>,
  prefix: string,
  extracted: string,
  signal: AbortSignal,
): AskStore {
  let opened: ReturnType<typeof open> | undefined;
  return async (path, { size, sha256, temporary }) => {
    const store = await (opened ??= open());
    const key = prefix + relative(extracted, path).split(sep).join('/');
    const head = await store.head(key, signal);
    if (head === undefined) return undefined;
    if (head.size !== size) return false;
    const said = head.metadata['sha256'];
    if (said !== undefined) return said === sha256;
    if (temporary !== undefined) {
      const md5 = createHash('md5');
      for await (const chunk of createReadStream(temporary, { signal })) md5.update(chunk as Buffer);
      if (head.etag.replaceAll('"', '') === md5.digest('hex')) return true;
    }
    const hash = createHash('sha256');
    for await (const chunk of await store.get(key, signal)) hash.update(chunk);
    return hash.digest('hex') === sha256;
  };
}
