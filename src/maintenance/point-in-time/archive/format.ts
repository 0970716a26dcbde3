import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { z } from 'zod';

// The bytes of an archive's files; docs/point-in-time.md describes them for other programs. Nothing here does any I/O.

export const RECORD_MAGIC = Buffer.from('WSPPIT1\n', 'latin1');
/** Magic and the length of the header that follows. */
export const RECORD_PREFIX_BYTES = 12;
export const SHA256_BYTES = 32;
/** A header longer than this is damage, not a header. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const whole = z.int().min(0);
const pageSize = z.int().min(512).max(65_536);
const digest = z.string().regex(/^[0-9a-f]{16}$/);

const walPosition = z.strictObject({
  pageSize,
  sequence: whole,
  salt: z.string().regex(/^[0-9a-f]{16}$/),
  bigEndian: z.boolean(),
  frame: whole,
  checksum: z.tuple([whole, whole]).readonly(),
});

const recordHeader = z.strictObject({
  position: whole.min(1),
  at: whole,
  /** SHA-256 that the record before ends with, or the link of the full backup that it follows. */
  previous: sha256,
  pageSize,
  /** How many pages of content there are: 4 bytes page number, then the page, each. */
  pages: whole,
  /** Behind how many of these pages a commit ends, pages of the database after it, digest of that state. */
  commits: z.array(z.tuple([whole, whole, digest])),
  /** Length of the zstd frame that holds the pages. */
  contentBytes: whole,
  /** Where the record ends in the write-ahead log that it was read from. */
  wal: walPosition.optional(),
});

const fullBackupDescription = z.strictObject({
  format: z.literal(1),
  database: z.string(),
  position: whole,
  at: whole,
  reason: z.string(),
  /** What the `previous` of the record behind it says. */
  link: sha256,
  /** False when records before it do not lead to it: something was not captured, or the page size changed. */
  continues: z.boolean(),
  pageSize,
  pageCount: whole,
  digest,
  journalMode: z.string(),
  sha256,
  storedBytes: whole,
  storedSha256: sha256,
  wal: walPosition.optional(),
});

const verification = z.strictObject({
  position: whole,
  /** The last point that was restored and found sound. */
  through: z.strictObject({ position: whole, at: whole }),
  /** When. */
  at: whole,
});

const checked = z.strictObject({ at: whole, position: whole });

const offsite = z.strictObject({
  /** Where in the bucket. */
  prefix: z.string(),
  /** The last position up to which everything is there, and when it was captured. */
  position: whole,
  to: whole,
  /** The first time that can be restored from there. */
  from: whole,
  points: whole,
  bytes: whole,
  /** Stretches within that cannot be restored. */
  gaps: whole,
  /** When that was found. */
  at: whole,
});

const indexHeader = z.strictObject({
  position: whole,
  link: sha256,
  pageSize,
  pageCount: whole,
  digest,
  /** What the database's files looked like; null when that is no proof that nothing changed. */
  evidence: z.string().nullable(),
});

export type RecordHeader = Readonly<z.infer<typeof recordHeader>>;
export type FullBackupDescription = Readonly<z.infer<typeof fullBackupDescription>>;
export type Verification = Readonly<z.infer<typeof verification>>;
export type Checked = Readonly<z.infer<typeof checked>>;
export type Offsite = Readonly<z.infer<typeof offsite>>;
export type IndexHeader = Readonly<z.infer<typeof indexHeader>>;

/** A record, ready to be written: prefix, header, content, and the SHA-256 of all of that. */
export function encodeRecord(header: RecordHeader, content: Uint8Array): { bytes: Buffer; link: string } {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  const body = Buffer.concat([RECORD_MAGIC, length, json, content]);
  const sum = hash('sha256', body, 'buffer');
  return { bytes: Buffer.concat([body, sum]), link: sum.toString('hex') };
}

/** Bytes of the header that follows this prefix; undefined when it is not the beginning of a record. */
export function headerLength(prefix: Buffer): number | undefined {
  if (prefix.length < RECORD_PREFIX_BYTES || !prefix.subarray(0, 8).equals(RECORD_MAGIC)) return undefined;
  const length = prefix.readUInt32BE(8);
  return length > MAX_HEADER_BYTES ? undefined : length;
}

/** The header of a record; undefined when it is damaged. */
export function decodeHeader(json: Buffer): RecordHeader | undefined {
  return parsed(recordHeader, json.toString('utf8'));
}

/** JSON that carries its own SHA-256 in a second line. */
function seal(value: object): string {
  const json = JSON.stringify(value);
  return `${json}\n${hash('sha256', json)}\n`;
}

function unseal<T>(shape: z.ZodType<T>, text: string): T | undefined {
  const [json = '', sum, end, ...more] = text.split('\n');
  if (end !== '' || more.length > 0 || hash('sha256', json) !== sum) return undefined;
  return parsed(shape, json);
}

function parsed<T>(shape: z.ZodType<T>, json: string): T | undefined {
  try {
    return shape.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined; // not even JSON: damaged, which is what undefined says
  }
}

export const encodeFullBackup = (fullBackup: FullBackupDescription): string => seal(fullBackup);
/** The description of a full backup; undefined when it is damaged. */
export const decodeFullBackup = (text: string): FullBackupDescription | undefined =>
  unseal(fullBackupDescription, text);
export const encodeVerification = (done: Verification): string => seal(done);
/** The mark of a verification; undefined when it is damaged. */
export const decodeVerification = (text: string): Verification | undefined => unseal(verification, text);
export const encodeChecked = (done: Checked): string => seal(done);
/** When the database was last found unchanged or captured; undefined when that note is damaged. */
export const decodeChecked = (text: string): Checked | undefined => unseal(checked, text);

export const encodeOffsite = (done: Offsite): string => seal(done);
/** How far an archive was offsite when that was last looked at; undefined when that note is damaged. */
export const decodeOffsite = (text: string): Offsite | undefined => unseal(offsite, text);

/** The hashes of the pages of the last captured state, with what they belong to. */
export function encodeIndex(header: IndexHeader, words: Uint32Array): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  const hashes = Buffer.alloc(words.length * 4);
  words.forEach((word, at) => hashes.writeUInt32BE(word, at * 4));
  const body = Buffer.concat([length, json, hashes]);
  return Buffer.concat([body, hash('sha256', body, 'buffer')]);
}

/** Undefined when the index is damaged: it can be made again from the archive. */
export function decodeIndex(bytes: Buffer): { header: IndexHeader; words: Uint32Array } | undefined {
  if (bytes.length < 4 + SHA256_BYTES) return undefined;
  const body = bytes.subarray(0, -SHA256_BYTES);
  if (!hash('sha256', body, 'buffer').equals(bytes.subarray(-SHA256_BYTES))) return undefined;
  const length = body.readUInt32BE(0);
  const header = parsed(indexHeader, body.toString('utf8', 4, 4 + length));
  const hashes = body.subarray(4 + length);
  if (header === undefined || hashes.length !== header.pageCount * 8) return undefined;
  const words = new Uint32Array(header.pageCount * 2);
  words.forEach((_, at) => (words[at] = hashes.readUInt32BE(at * 4)));
  return { header, words };
}
