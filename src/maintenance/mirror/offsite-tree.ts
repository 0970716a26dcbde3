import { Buffer } from 'node:buffer';
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { textOf, type BytePath } from './walk.ts';

// A mirror in a bucket. Content is stored once, under its SHA-256; a date is a list of what lies where, as gzipped lines of JSON, and is
// written when all of its content is there:
//
//   <prefix><mirror>/files/<2 digits>/<sha256>
//   <prefix><mirror>/dates/<YYYY-MM-DD_HHmmss>.jsonl.gz

const SHA256 = /^[0-9a-f]{64}$/;
const mode = z.number().int().nonnegative();
const owner = { mode, uid: z.number().int(), gid: z.number().int(), mtimeNs: z.string().regex(/^-?\d+$/) };
const place = { path: z.string().min(1), encoding: z.literal('base64').optional() };

const entry = z.discriminatedUnion('type', [
  z.object({ type: z.literal('directory'), ...place, ...owner }),
  z.object({ type: z.literal('symlink'), ...place, target: z.string(), ...owner }),
  z.object({
    type: z.literal('file'),
    ...place,
    ...owner,
    size: z.number(),
    sha256: z.string().regex(SHA256),
  }),
]);

/** A line of a date: what lies at a path. Paths and targets that are no UTF-8 are in base64. */
export type TreeEntry = z.infer<typeof entry>;

/** What every entry has. */
export function attributesOf(stats: BigIntStats): Pick<TreeEntry, 'mode' | 'uid' | 'gid' | 'mtimeNs'> {
  return {
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: String(stats.mtimeNs),
  };
}

/** A path as an entry has it. */
export function placeOf(path: BytePath): Pick<TreeEntry, 'path' | 'encoding'> {
  const bytes = Buffer.from(path, 'latin1');
  return isUtf8(bytes) ? { path: textOf(path) } : { path: bytes.toString('base64'), encoding: 'base64' };
}

/** The bytes of an entry's path. Throws MIRROR_FAILED for one that leads out of the tree. */
export function bytesOf({ path, encoding }: Pick<TreeEntry, 'path' | 'encoding'>): Buffer {
  const bytes = Buffer.from(path, encoding ?? 'utf8');
  const parts = bytes.toString('latin1').split('/');
  if (bytes.includes(0) || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new WavspoolError('MIRROR_FAILED', `${JSON.stringify(path)} is no path in a mirror`);
  return bytes;
}

/** Where the content of that SHA-256 lies below a mirror's prefix. */
export function contentKey(prefix: string, sha256: string): string {
  return `${prefix}files/${sha256.slice(0, 2)}/${sha256}`;
}

/**
 * The entries of a date, from its stored bytes, whose SHA-256 must be `sha256`. Throws MIRROR_FAILED when they are not that: only
 * at the end, so what they say must not be acted on before.
 */
export async function* entriesFrom(
  stored: AsyncIterable<Uint8Array>,
  key: string,
  sha256: string,
): AsyncGenerator<TreeEntry> {
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stored) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const damaged = (reason: string, cause?: unknown): WavspoolError =>
    new WavspoolError('MIRROR_FAILED', `${key} is damaged: ${reason}`, { cause });
  try {
    const unpacked = Readable.from(hashed()).pipe(createGunzip());
    for await (const line of createInterface({ input: unpacked, crlfDelay: Infinity }))
      yield entry.parse(JSON.parse(line));
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
  if (hash.digest('hex') !== sha256) throw damaged('its SHA-256 is another one');
}
