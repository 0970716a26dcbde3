import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import { z } from 'zod';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { isoTime, isoTimestamp } from '../../platform/runtime/index.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import type { TarRow } from '../../domain/tar.ts';

/** Receipts lie below `<prefix>.receipts/`. */
export const RECEIPTS = '.receipts/';
const FORMAT = 'wavspool-receipt/1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const document = z.object({
  format: z.literal(FORMAT),
  site: z.string(),
  seq: z.int().min(1),
  previous: sha256.nullable(),
  tar: z.object({ path: z.string().min(1), size: z.int(), modified: z.iso.datetime(), sha256 }),
  recordings: z.array(
    z.object({
      name: z.string(),
      key: z.string().min(1),
      size: z.int(),
      sha256,
      durationMs: z.int().nullable(),
      etag: z.string(),
      versionId: z.string().nullable(),
      uploadedAt: z.iso.datetime(),
    }),
  ),
});

/** What a receipt says, as it stands in the bucket. */
export type Receipt = z.output<typeof document>;

/** What the receipt says besides its recordings. */
export interface ReceiptHead {
  readonly site: string;
  readonly seq: number;
  /** SHA-256 of the receipt before it; null for the first. */
  readonly previous: string | null;
  readonly tar: TarRow;
  readonly incoming: string;
}

/** The text of a receipt in pieces: its head, a line for each recording in turn, its end. */
export interface ReceiptLines {
  readonly head: string;
  /** The line of the next recording. */
  readonly recording: (row: RecordingRow) => string;
  readonly end: string;
}

/** The same rows give the same bytes: only so can a receipt that a crash interrupted be written again. */
export function receiptLines({ site, seq, previous, tar, incoming }: ReceiptHead): ReceiptLines {
  const said = {
    path: tarName(incoming, tar.path),
    size: tar.size,
    modified: isoTime(tar.mtimeMs ?? 0),
    sha256: tar.sha256,
  };
  let separator = '\n';
  return {
    head: `{"format":${JSON.stringify(FORMAT)},\n"site":${JSON.stringify(site)},\n"seq":${seq},\n"previous":${JSON.stringify(previous)},\n"tar":${JSON.stringify(said)},\n"recordings":[`,
    recording: (row) => {
      const line = separator + JSON.stringify(recordingOf(row));
      separator = ',\n';
      return line;
    },
    end: '\n]}\n',
  };
}

function recordingOf(row: RecordingRow): Receipt['recordings'][number] {
  const { key, size, sha256, etag } = row;
  if (key === undefined || size === undefined || sha256 === undefined || etag === undefined) {
    throw new WavspoolError(
      'UNKNOWN',
      `the row of ${row.path} is ${row.status} without key, size, hash or ETag`,
    );
  }
  return {
    name: row.member ?? '',
    key,
    size,
    sha256,
    durationMs: row.wav?.durationMs ?? null,
    etag,
    versionId: row.versionId ?? null,
    uploadedAt: isoTimestamp(row.timestamp),
  };
}

/** S3's limit for a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/** What a receipt's key is derived from; `name` is the tar's path below the landing directory, `/`-separated. */
export interface ReceiptPlace {
  readonly site: string;
  readonly name: string;
  readonly sha256: string;
  readonly seq: number;
}

const fits = (key: string): boolean => Buffer.byteLength(key) <= MAX_KEY_BYTES;

/**
 * The keys that the receipt of a tar may have, in the order in which they are tried: its path's own, then, for a later
 * version of the tar, one with the tar's hash; a receipt is never overwritten. The last has the site: others that share the bucket may
 * have got the same tar. A path that would make one of them longer than a key may be is there as its SHA-256.
 */
export function receiptKeys(prefix: string, { site, name, sha256, seq }: ReceiptPlace): readonly string[] {
  const version = sha256.slice(0, 12);
  const own = `${prefix}${RECEIPTS}${name}`;
  const hashed = `${prefix}${RECEIPTS}.long/${createHash('sha256').update(name).digest('hex')}`;
  const keys = (base: string): readonly string[] => [
    `${base}.json`,
    `${base}.${version}.json`,
    `${base}.${version}.${seq}.json`,
  ];
  const ofSite = (base: string): string => `${base}.${version}.${site}.${seq}.json`;
  return [...keys(keys(own).every(fits) ? own : hashed), ofSite(fits(ofSite(own)) ? own : hashed)];
}

/** Whether an object with this key may be a receipt at all; a recording may have got a name below `.receipts/`. */
export function mayBeReceipt(key: string): boolean {
  return key.endsWith('.json');
}

/** Reads a receipt. Throws RECEIPT_INVALID for a text that is none, and for one that does not lie where it belongs. */
export function readReceipt(prefix: string, key: string, text: string): Receipt {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new WavspoolError('RECEIPT_INVALID', `${key} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const receipt = document.safeParse(parsed);
  if (receipt.success) {
    const { site, tar, seq } = receipt.data;
    if (receiptKeys(prefix, { site, name: tar.path, sha256: tar.sha256, seq }).includes(key))
      return receipt.data;
    throw new WavspoolError('RECEIPT_INVALID', `${key} is not where a receipt of ${tar.path} lies`);
  }
  const [issue] = receipt.error.issues;
  throw new WavspoolError(
    'RECEIPT_INVALID',
    `${key} is not a receipt of format ${FORMAT}: ${issue?.path.join('.')} ${issue?.message}`,
  );
}

/** A tar's path below the landing directory, `/`-separated. */
export function tarName(incoming: string, path: string): string {
  return relative(incoming, path).split(sep).join('/');
}
