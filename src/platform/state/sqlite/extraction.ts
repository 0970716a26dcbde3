import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import type { CommittedTar, TarSummary, TarVersion } from '../../../domain/tar.ts';
import type { Extraction } from '../../../domain/ledger.ts';
import type { StagedRecording } from '../../../domain/recording.ts';

// A tar may hold a million recordings and its rows are to be one transaction, so they wait in a temporary table of this
// connection: on disk, outside of state.db, without a lock that anybody could feel, gone with the process.
const STAGING = `
CREATE TEMP TABLE staged (
  extraction INTEGER, seq INTEGER, member TEXT, relative_path TEXT, temporary TEXT, size INTEGER, sha256 TEXT,
  duration_ms INTEGER, codec TEXT, sample_rate INTEGER, channels INTEGER, wav_valid INTEGER, path TEXT,
  PRIMARY KEY (extraction, seq)
) WITHOUT ROWID;
CREATE TEMP TABLE refused (extraction INTEGER, path TEXT, member TEXT, reason TEXT);`;

const PAGE = 500;

/**
 * Rows whose bytes are in the store already keep their SUCCESS; others start again with the file just extracted. Extracting
 * again for an upload that found its file changed is one of its retries, so that it ends even if the file changes each time.
 * A row that is there keeps its job: a batch is only for what nobody has queued yet.
 */
const COMMIT_RECORDINGS = `
INSERT INTO uploads (wav_path, status, timestamp, retry_count, tar, member, size, sha256, duration_ms, codec, sample_rate,
  channels, wav_valid, tar_mtime_ms, batch)
SELECT path, 'PENDING', @timestamp, 0, @tar, member, size, sha256, duration_ms, codec, sample_rate, channels, wav_valid, @mtimeMs,
  CASE WHEN @batchSize > 1 THEN CAST((seq - 1) / @batchSize AS INTEGER) END
  FROM temp.staged WHERE extraction = @extraction ORDER BY seq
ON CONFLICT (wav_path) DO UPDATE SET status = 'PENDING', timestamp = excluded.timestamp, cause = NULL, error_message = NULL,
  size = excluded.size, sha256 = excluded.sha256, member = coalesce(member, excluded.member),
  tar = coalesce(tar, excluded.tar), duration_ms = excluded.duration_ms, codec = excluded.codec,
  sample_rate = excluded.sample_rate, channels = excluded.channels, wav_valid = excluded.wav_valid,
  tar_mtime_ms = coalesce(tar_mtime_ms, excluded.tar_mtime_ms), retry_count = CASE
    WHEN uploads.status = 'PENDING' THEN uploads.retry_count
    WHEN uploads.retry_count < @maxRetries THEN uploads.retry_count + 1
    ELSE 0 END
WHERE uploads.status <> 'SUCCESS' AND coalesce(uploads.sha256, excluded.sha256) = excluded.sha256`;

/** A row that was taken over says nothing of its bytes: now they are known, because the recording was recognised as this one. */
const COMMIT_RECOGNISED = `
UPDATE uploads SET sha256 = s.sha256, size = s.size, tar = coalesce(tar, @tar), tar_mtime_ms = coalesce(tar_mtime_ms, @mtimeMs),
  member = coalesce(uploads.member, s.member) FROM temp.staged s
WHERE s.extraction = @extraction AND uploads.wav_path = s.path AND uploads.status = 'SUCCESS' AND uploads.sha256 IS NULL`;

const COMMIT_REFUSED = `
INSERT INTO uploads (wav_path, status, timestamp, error_message, retry_count, cause, tar, member, tar_mtime_ms)
SELECT path, 'FAILED', @timestamp, reason, @maxRetries, 'refused', @tar, member, @mtimeMs
  FROM temp.refused WHERE extraction = @extraction GROUP BY path
ON CONFLICT (wav_path) DO UPDATE SET status = 'FAILED', timestamp = excluded.timestamp, error_message = excluded.error_message,
  retry_count = excluded.retry_count, cause = excluded.cause`;

const COMMIT_TAR = `
INSERT INTO extracted_tars (path, timestamp, size, mtime_ms, sha256, recordings, bytes, skipped, refused, shared, wavs)
VALUES (@tar, @timestamp, @size, @mtimeMs, @sha256, @recordings, @bytes, @skipped, @refused, @shared, @wavs)
ON CONFLICT (path) DO UPDATE SET timestamp = excluded.timestamp, size = excluded.size, mtime_ms = excluded.mtime_ms,
  sha256 = excluded.sha256, recordings = excluded.recordings, bytes = excluded.bytes, skipped = excluded.skipped,
  refused = excluded.refused, shared = excluded.shared, wavs = excluded.wavs, extracted_removed_at = NULL,
  incoming_removed_at = NULL`;

interface Totals {
  recordings: number;
  wavs: number;
  bytes: number;
}

interface StagedRecord {
  seq: number;
  member: string;
  relative_path: string;
  temporary: string;
  size: number;
  sha256: string;
  duration_ms: number | null;
  codec: string | null;
  sample_rate: number | null;
  channels: number | null;
  wav_valid: number;
}

/** Makes the staging tables on this connection and returns how an extraction begins. */
export function stagingArea(
  db: Sqlite,
  write: Write,
  clock: Clock,
  maxRetries: number,
): (tar: TarVersion) => Extraction {
  db.pragma('temp_store = FILE');
  db.exec(STAGING);
  const insertStaged = db.prepare(
    `INSERT INTO temp.staged (extraction, seq, member, relative_path, temporary, size, sha256, duration_ms, codec, sample_rate, channels, wav_valid)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertRefused = db.prepare(
    'INSERT INTO temp.refused (extraction, path, member, reason) VALUES (?, ?, ?, ?)',
  );
  const page = db.prepare('SELECT * FROM temp.staged WHERE extraction = ? AND seq > ? ORDER BY seq LIMIT ?');
  const setPlace = db.prepare('UPDATE temp.staged SET path = ? WHERE extraction = ? AND seq = ?');
  const totals = db.prepare(
    `SELECT count(*) AS recordings, count(DISTINCT path) AS wavs, coalesce(sum(size), 0) AS bytes
     FROM temp.staged WHERE extraction = ?`,
  );
  const ofOthers = db
    .prepare(
      `SELECT DISTINCT s.path FROM temp.staged s JOIN uploads u ON u.wav_path = s.path
       WHERE s.extraction = @extraction AND u.tar IS NOT NULL AND (u.tar <> @tar OR u.tar_mtime_ms IS NOT @mtimeMs)`,
    )
    .pluck();
  const rowsThere = db
    .prepare(
      'SELECT count(*) FROM temp.staged s JOIN uploads u ON u.wav_path = s.path WHERE s.extraction = ?',
    )
    .pluck();
  const openOfTar = db.prepare("SELECT count(*) FROM uploads WHERE tar = ? AND status = 'PENDING'").pluck();
  const forgetFailure = db.prepare('DELETE FROM uploads WHERE wav_path = ? AND tar = wav_path');
  const commitRecordings = db.prepare(COMMIT_RECORDINGS);
  const commitRecognised = db.prepare(COMMIT_RECOGNISED);
  const commitRefused = db.prepare(COMMIT_REFUSED);
  const commitTar = db.prepare(COMMIT_TAR);
  let extractions = 0;

  return (tar) => {
    const extraction = ++extractions;
    let seq = 0;
    // a statement of its own for each would make SQLite end a transaction for each
    const staging = inBatches(db, (recording: StagedRecording) => {
      const { wav } = recording;
      insertStaged.run(
        extraction,
        ++seq,
        recording.member,
        recording.relativePath,
        recording.temporary,
        recording.size,
        recording.sha256,
        wav.durationMs ?? null,
        wav.codec ?? null,
        wav.sampleRate ?? null,
        wav.channels ?? null,
        wav.valid ? 1 : 0,
      );
    });
    const placing = inBatches(db, ({ at, path }: { readonly at: number; readonly path: string }) => {
      setPlace.run(path, extraction, at);
    });

    const commit = (summary: TarSummary): CommittedTar => {
      const { recordings, wavs, bytes } = totals.get(extraction) as Totals;
      const known = rowsThere.get(extraction) as number;
      const version = { extraction, tar: tar.path, mtimeMs: tar.mtimeMs };
      if (known > 0) commitRecognised.run(version);
      const shared = ofOthers.all(version) as string[];
      const row = { ...version, timestamp: sqlTimestamp(clock.now()) };
      forgetFailure.run(tar.path);
      const batchSize = summary.batchSize({ recordings, bytes });
      commitRecordings.run({ ...row, maxRetries, batchSize });
      commitRefused.run({ ...row, maxRetries });
      commitTar.run({
        ...row,
        sha256: summary.sha256,
        skipped: summary.skipped,
        refused: summary.refused,
        size: tar.size,
        recordings,
        wavs,
        bytes,
        shared: shared.length === 0 ? null : JSON.stringify(shared),
      });
      return { open: openOfTar.get(tar.path) as number, known, recordings, bytes };
    };

    /** In pages: while a query is open, better-sqlite3 lets nobody else write. */
    function* inTable(): Generator<StagedRecord, void, undefined> {
      for (let after = 0; ;) {
        const records = page.all(extraction, after, PAGE) as StagedRecord[];
        yield* records;
        const last = records.at(-1);
        if (last === undefined) return;
        after = last.seq;
      }
    }

    return {
      stage: staging.add,
      refuse: ({ path, member, reason }) => {
        insertRefused.run(extraction, path, member, reason);
      },
      *staged() {
        staging.flush();
        for (const record of inTable()) yield { seq: record.seq, recording: stagedRecording(record) };
      },
      *temporaries() {
        for (const { temporary } of staging.waiting()) yield temporary;
        for (const { temporary } of inTable()) yield temporary;
      },
      place: (at, path) => placing.add({ at, path }),
      commit: (summary) => {
        staging.flush();
        placing.flush();
        return write(() => commit(summary));
      },
      discard: () => {
        db.prepare('DELETE FROM temp.staged WHERE extraction = ?').run(extraction);
        db.prepare('DELETE FROM temp.refused WHERE extraction = ?').run(extraction);
      },
    };
  };
}

interface Batches<T> {
  readonly add: (item: T) => void;
  /** Applies what is left. */
  readonly flush: () => void;
  /** What was added and is not applied yet. */
  readonly waiting: () => readonly T[];
}

/** Applies `change` to what is added, a page at a time and each page as one transaction. */
function inBatches<T>(db: Sqlite, change: (item: T) => void): Batches<T> {
  let items: T[] = [];
  const apply = db.transaction(() => {
    for (const item of items) change(item);
  });
  const flush = (): void => {
    apply();
    items = [];
  };
  return {
    add: (item) => {
      items.push(item);
      if (items.length >= PAGE) flush();
    },
    flush,
    waiting: () => items,
  };
}

function stagedRecording(record: StagedRecord): StagedRecording {
  return {
    member: record.member,
    relativePath: record.relative_path,
    temporary: record.temporary,
    size: record.size,
    sha256: record.sha256,
    wav: {
      valid: record.wav_valid === 1,
      durationMs: record.duration_ms ?? undefined,
      codec: record.codec ?? undefined,
      sampleRate: record.sample_rate ?? undefined,
      channels: record.channels ?? undefined,
    },
  };
}
