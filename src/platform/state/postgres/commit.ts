import { createHash } from 'node:crypto';
import { WavspoolError } from '../../../domain/faults.ts';
import type { TarLedger } from '../../../domain/ledger.ts';
import type { NewRecording, RecordingRow, RefusedRecording } from '../../../domain/recording.ts';
import type { CommittedTar, TarContent, TarSummary, TarVersion } from '../../../domain/tar.ts';
import type { Database } from './database.ts';
import { constraintOf } from './pg-faults.ts';
import { isKeyTaken, type Scope } from './recordings.ts';
import { NOW, statement, type Query } from './statement.ts';

/**
 * The keys that a recording may get, in the order in which they are tried. The first that no other recording has is set down with its
 * row, so that over all sites and hosts the ledger decides who has a key, before anything is put there (P5).
 */
export type KeysOf = (
  row: Pick<RecordingRow, 'path' | 'tar' | 'member'>,
  sha256: string,
) => readonly string[];

/** A tar with more recordings is written in parts of one transaction. */
const CHUNK = 5000;
/** Others may take keys and places while they are chosen. */
const TRIES = 10;
/** An index holds no longer text: a third of a page. */
const MOST_PATH_BYTES = 2500;
const MOST_KEY_BYTES = 1024;

const ARRAYS = [
  '::text[] /* wav_path */',
  '::text[] /* member */',
  '::bigint[] /* size */',
  '::text[] /* sha256 */',
  '::bigint[] /* duration_ms */',
  '::text[] /* codec */',
  '::bigint[] /* sample_rate */',
  '::bigint[] /* channels */',
  '::smallint[] /* wav_valid */',
  '::text[] /* key */',
  '::text[] /* source_tar */',
  '::bigint[] /* source_offset */',
];
const NAMES =
  'wav_path, member, size, sha256, duration_ms, codec, sample_rate, channels, wav_valid, key, source_tar, source_offset';
const unnested = (from: number): string => ARRAYS.map((type, at) => `$${from + at}${type}`).join(', ');

const TAR_COLUMNS =
  'site, path, timestamp, size, mtime_ms, sha256, recordings, bytes, skipped, refused, shared, wavs';
const NEW_TAR = `ON CONFLICT (site, path) DO UPDATE SET timestamp = excluded.timestamp, size = excluded.size, mtime_ms = excluded.mtime_ms,
  sha256 = excluded.sha256, recordings = excluded.recordings, bytes = excluded.bytes, skipped = excluded.skipped,
  refused = excluded.refused, shared = excluded.shared, wavs = excluded.wavs, extracted_removed_at = NULL, incoming_removed_at = NULL`;

/** Everything of a tar of which nothing is known, in one statement; where a path of it has a row already it writes nothing and says so. */
const ALL_NEW = statement(
  `WITH input AS (SELECT * FROM unnest(${unnested(12)}) WITH ORDINALITY AS i (${NAMES}, at)),
   there AS (SELECT count(*) AS n FROM uploads WHERE site = $1 AND wav_path = ANY ($12::text[])),
   free AS (SELECT coalesce(max(batch) + 1, 0) AS batch FROM uploads WHERE site = $1 AND tar = $2 AND tar_mtime_ms = $4),
   failure AS (DELETE FROM uploads WHERE site = $1 AND wav_path = $2 AND tar = wav_path AND (SELECT n FROM there) = 0),
   added AS (INSERT INTO uploads (site, status, timestamp, retry_count, tar, tar_mtime_ms, store, batch, ${NAMES})
     SELECT $1, 'PENDING', ${NOW}, 0, $2, $4, $11,
       CASE WHEN $10::bigint > 1 THEN free.batch + (input.at - 1) / $10::bigint END, ${NAMES}
     FROM input, free WHERE (SELECT n FROM there) = 0 ORDER BY wav_path COLLATE "C"),
   tar AS (INSERT INTO extracted_tars (${TAR_COLUMNS})
     SELECT $1, $2, ${NOW}, $3, $4, $5, $6, $7, $8, $9, NULL, cardinality($12::text[]) WHERE (SELECT n FROM there) = 0 ${NEW_TAR})
   SELECT n FROM there`,
);

const THERE = statement(
  `SELECT wav_path AS path, tar, tar_mtime_ms AS "mtimeMs", sha256, status FROM uploads WHERE site = $1 AND wav_path = ANY ($2)
   ORDER BY wav_path FOR UPDATE`,
);
const FREE_BATCH = statement(
  'SELECT coalesce(max(batch) + 1, 0) AS batch FROM uploads WHERE site = $1 AND tar = $2 AND tar_mtime_ms = $3',
);
const FORGET = statement('DELETE FROM uploads WHERE site = $1 AND wav_path = $2 AND tar = wav_path');

/**
 * Rows whose bytes are in the store already keep their SUCCESS; others start again with the file just extracted. Extracting
 * again for an upload that found its file changed is one of its retries, so that it ends even if the file changes each time.
 * A row that is there keeps its job: a batch is only for what is not queued yet. Another recording's place is left alone,
 * and missing in what is told.
 */
const ADD = statement(
  `INSERT INTO uploads AS u (site, status, timestamp, retry_count, tar, tar_mtime_ms, store, batch, ${NAMES})
   SELECT $1, 'PENDING', ${NOW}, 0, $2, $3, $4, batch, ${NAMES}
   FROM unnest($6::bigint[], ${unnested(7)}) AS i (batch, ${NAMES}) ORDER BY wav_path COLLATE "C"
   ON CONFLICT (site, wav_path) DO UPDATE SET status = 'PENDING', timestamp = excluded.timestamp, cause = NULL, error_message = NULL,
     size = excluded.size, sha256 = excluded.sha256, member = coalesce(u.member, excluded.member), tar = coalesce(u.tar, excluded.tar),
     duration_ms = excluded.duration_ms, codec = excluded.codec, sample_rate = excluded.sample_rate, channels = excluded.channels,
     wav_valid = excluded.wav_valid, tar_mtime_ms = coalesce(u.tar_mtime_ms, excluded.tar_mtime_ms),
     source_tar = excluded.source_tar, source_offset = excluded.source_offset,
     store = CASE WHEN u.key IS NULL THEN excluded.store ELSE u.store END, key = coalesce(u.key, excluded.key),
     retry_count = CASE WHEN u.status = 'PENDING' THEN u.retry_count WHEN u.retry_count < $5 THEN u.retry_count + 1 ELSE 0 END
   WHERE u.status <> 'SUCCESS' AND (u.sha256 IS NULL OR u.sha256 = excluded.sha256)`,
);
/** A legacy row says nothing of its bytes: now they are known, because the recording was recognised as this one. */
const RECOGNISED = statement(
  `UPDATE uploads u SET sha256 = i.sha256, size = i.size, tar = coalesce(u.tar, $2), tar_mtime_ms = coalesce(u.tar_mtime_ms, $3),
     member = coalesce(u.member, i.member)
   FROM unnest($4::text[], $5::text[], $6::bigint[], $7::text[]) AS i (wav_path, member, size, sha256)
   WHERE u.site = $1 AND u.wav_path = i.wav_path`,
);
const REFUSED = statement(
  `INSERT INTO uploads (site, wav_path, status, timestamp, error_message, retry_count, cause, tar, member, tar_mtime_ms)
   SELECT $1, wav_path, 'FAILED', ${NOW}, reason, $4, 'refused', $2, member, $3
   FROM unnest($5::text[], $6::text[], $7::text[]) AS i (wav_path, member, reason) ORDER BY wav_path COLLATE "C"
   ON CONFLICT (site, wav_path) DO UPDATE SET status = 'FAILED', timestamp = excluded.timestamp,
     error_message = excluded.error_message, retry_count = excluded.retry_count, cause = excluded.cause`,
);
const TAR = statement(
  `INSERT INTO extracted_tars (${TAR_COLUMNS})
   VALUES ($1, $2, ${NOW}, $3, $4, $5, $6, $7, $8, $9, $10, $11) ${NEW_TAR}`,
);
const TAKEN = statement(
  `SELECT u.key FROM uploads u JOIN unnest($3::text[]) AS i (key) ON u.key = i.key
   WHERE u.store = $2 AND NOT (u.site = $1 AND u.wav_path = ANY ($4))`,
);

/** What a recording finds at its path. */
interface There {
  readonly path: string;
  readonly tar: string | null;
  readonly mtimeMs: number | null;
  readonly sha256: string | null;
  readonly status: string;
}

/** A recording with the key that is set down for it; null: none, so that its upload chooses. */
interface Row extends NewRecording {
  readonly key: string | null;
}

type Commit = TarLedger['commit'];

/** Writes everything of a tar in one transaction: a single statement where nothing of it is known, as of nearly every tar. */
export function tarCommitter(db: Database, scope: Scope, keysOf: KeysOf | undefined): Commit {
  return async (tar, content) => {
    const choose = keyChooser(scope, tar, keysOf);
    const isSmall = content.refused.length === 0 && content.summary.recordings <= CHUNK;
    if (isSmall && (await isWrittenAtOnce(db.query, scope, tar, content, choose(false)))) return { known: 0 };
    for (let tries = 1; ; tries += 1) {
      try {
        return await db.transaction((query) => commitInParts(query, scope, tar, content, choose(tries > 1)));
      } catch (error) {
        // another process has got a path or a key since it was looked at: look again
        if (!isRaced(error) || tries === TRIES) throw error;
      }
    }
  };
}

function isRaced(error: unknown): boolean {
  return isKeyTaken(error) || error instanceof PlaceRaced || hasBroken(error, 'uploads_pkey');
}

function hasBroken(error: unknown, constraint: string): boolean {
  return (
    constraintOf(error) === constraint || (error instanceof Error && constraintOf(error.cause) === constraint)
  );
}

class PlaceRaced extends Error {
  override readonly name = 'PlaceRaced';
}

type Choose = (query: Query, rows: readonly NewRecording[]) => Promise<readonly Row[]>;

/** The key of each row: the first that it may have; where `looks`, the first of them that no other row has. */
function keyChooser(
  { site, store }: Scope,
  { path: tar }: TarVersion,
  keysOf: KeysOf | undefined,
): (looks: boolean) => Choose {
  const keys = ({ path, member, sha256 }: NewRecording): readonly string[] =>
    (keysOf?.({ path, member, tar }, sha256) ?? []).filter((key) => Buffer.byteLength(key) <= MOST_KEY_BYTES);
  return (looks) => async (query, rows) => {
    if (!looks || keysOf === undefined) return rows.map((row) => ({ ...row, key: keys(row)[0] ?? null }));
    const all = [...new Set(rows.flatMap(keys))];
    const found = await query<{ key: string }>(TAKEN, [site, store, all, rows.map(({ path }) => path)]);
    const taken = new Set(found.rows.map(({ key }) => key));
    return rows.map((row) => {
      const key = keys(row).find((one) => !taken.has(one)) ?? null;
      if (key !== null) taken.add(key);
      return { ...row, key };
    });
  };
}

async function isWrittenAtOnce(
  query: Query,
  { site, store }: Scope,
  tar: TarVersion,
  { recordings, summary }: TarContent,
  choose: Choose,
): Promise<boolean> {
  const rows: NewRecording[] = [];
  for (const page of recordings) rows.push(...page);
  requireShortPaths(rows);
  const head = [site, tar.path, tar.size, tar.mtimeMs, ...figuresOf(summary), summary.batchSize, store];
  try {
    const { rows: answer } = await query<{ n: number }>(ALL_NEW, [
      ...head,
      ...columnsOf(await choose(query, rows)),
    ]);
    return answer[0]?.n === 0;
  } catch (error) {
    if (isRaced(error)) return false;
    throw error;
  }
}

async function commitInParts(
  query: Query,
  scope: Scope,
  tar: TarVersion,
  { recordings, refused, summary }: TarContent,
  choose: Choose,
): Promise<CommittedTar> {
  const { site, maxRetries } = scope;
  const version = [site, tar.path, tar.mtimeMs];
  const { batchSize } = summary;
  await query(FORGET, [site, tar.path]);
  const free =
    batchSize > 1 ? (await query<{ batch: number }>(FREE_BATCH, version)).rows[0]?.batch : undefined;
  const shared: string[] = [];
  let added = 0;
  let known = 0;
  const isShared = (there: There): boolean =>
    there.tar !== null && (there.tar !== tar.path || there.mtimeMs !== tar.mtimeMs);
  const write = async (part: readonly NewRecording[]): Promise<void> => {
    const found = await query<There>(THERE, [site, part.map(({ path }) => path)]);
    const at = new Map(found.rows.map((there) => [there.path, there]));
    const open: NewRecording[] = [];
    const batches: (number | null)[] = [];
    const recognised: NewRecording[] = [];
    for (const row of part) {
      const there = at.get(row.path);
      if (there === undefined) {
        batches.push(free === undefined ? null : free + Math.floor(added / batchSize));
        added += 1;
        open.push(row);
        continue;
      }
      known += 1;
      refuseOther(row, there);
      if (isShared(there)) shared.push(row.path);
      if (there.status !== 'SUCCESS') {
        open.push(row);
        batches.push(null);
      } else if (there.sha256 === null) recognised.push(row);
    }
    await add(query, scope, tar, await choose(query, open), batches);
    await recognise(query, version, recognised);
  };
  for (const part of parts(recordings)) await write(part);
  await refuse(query, [...version, maxRetries], refused);
  const list = shared.length === 0 ? null : JSON.stringify(shared);
  await query(TAR, [site, tar.path, tar.size, tar.mtimeMs, ...figuresOf(summary), list, added + known]);
  return { known };
}

function* parts(pages: Iterable<readonly NewRecording[]>): Generator<readonly NewRecording[]> {
  let part: NewRecording[] = [];
  for (const page of pages) {
    part.push(...page);
    if (part.length < CHUNK) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

async function add(
  query: Query,
  { site, store, maxRetries }: Scope,
  tar: TarVersion,
  rows: readonly Row[],
  batches: readonly (number | null)[],
): Promise<void> {
  if (rows.length === 0) return;
  requireShortPaths(rows);
  const head = [site, tar.path, tar.mtimeMs, store, maxRetries, batches];
  const { changed } = await query(ADD, [...head, ...columnsOf(rows)]);
  if (changed < rows.length) throw new PlaceRaced(`a path of ${tar.path} has got another recording`);
}

async function recognise(
  query: Query,
  version: readonly unknown[],
  rows: readonly NewRecording[],
): Promise<void> {
  if (rows.length === 0) return;
  const names = [rows.map(({ path }) => path), rows.map(({ member }) => member)];
  await query(RECOGNISED, [
    ...version,
    ...names,
    rows.map(({ size }) => size),
    rows.map(({ sha256 }) => sha256),
  ]);
}

async function refuse(
  query: Query,
  head: readonly unknown[],
  refused: readonly RefusedRecording[],
): Promise<void> {
  if (refused.length === 0) return;
  const rows = [...new Map(refused.map((one) => [shortPath(one.path), one])).entries()];
  const values = [
    rows.map(([path]) => path),
    rows.map(([, { member }]) => member),
    rows.map(([, { reason }]) => reason),
  ];
  await query(REFUSED, [...head, ...values]);
}

/** A name that no index can hold, as a text that stands for it alone. */
function shortPath(path: string): string {
  if (Buffer.byteLength(path) <= MOST_PATH_BYTES) return path;
  const hash = createHash('sha256').update(path).digest('hex');
  return `${Buffer.from(path)
    .subarray(0, MOST_PATH_BYTES - 100)
    .toString('utf8')}… ${hash}`;
}

function requireShortPaths(rows: readonly NewRecording[]): void {
  const long = rows.find(({ path }) => Buffer.byteLength(path) > MOST_PATH_BYTES);
  if (long === undefined) return;
  const shown = `${long.path.slice(0, 100)}…`;
  const message = `${shown} is longer than the ${MOST_PATH_BYTES} bytes that a ledger on PostgreSQL can hold`;
  throw new WavspoolError('FILE_UNREADABLE', message);
}

function figuresOf({ sha256, recordings, bytes, skipped, refused }: TarSummary): readonly unknown[] {
  return [sha256, recordings, bytes, skipped, refused];
}

function columnsOf(rows: readonly Row[]): readonly unknown[] {
  const of = (column: (row: Row) => unknown): readonly unknown[] => rows.map((row) => column(row) ?? null);
  return [
    of(({ path }) => path),
    of(({ member }) => member),
    of(({ size }) => size),
    of(({ sha256 }) => sha256),
    of(({ wav }) => wav.durationMs),
    of(({ wav }) => wav.codec),
    of(({ wav }) => wav.sampleRate),
    of(({ wav }) => wav.channels),
    of(({ wav }) => (wav.valid ? 1 : 0)),
    of(({ key }) => key),
    of(({ source }) => source?.tar),
    of(({ source }) => source?.offset),
  ];
}

/** Two recordings never have one path (P5): extraction looked before it gave the name, and another one was committed since. */
function refuseOther({ path, sha256 }: NewRecording, there: There): void {
  if (there.sha256 === null || there.sha256 === sha256) return;
  throw new WavspoolError(
    'PLACE_TAKEN',
    `${path} has become another recording's while this tar was extracted`,
  );
}
