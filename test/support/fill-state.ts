import Database from 'better-sqlite3';

/** Where the rows say that they lie. */
interface Filled {
  readonly state: string;
  readonly incoming: string;
  readonly extracted: string;
}

const EACH = 100;

/** Fills `state.db` by SQL, as so many calls of the last hundred days have left it; one in a hundred has failed. */
export function fillState({ state, incoming, extracted }: Filled, recordings: number): void {
  const db = new Database(state);
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @count)';
  db.pragma('synchronous = OFF');
  db.prepare(
    `${numbers} INSERT INTO uploads (wav_path, status, timestamp, error_message, retry_count, cause, tar, member, size, sha256, key, etag,
       duration_ms, codec, sample_rate, channels, wav_valid, tar_mtime_ms)
     SELECT @extracted || '/day-' || (i / 1000 % 100) || printf('/call-%07d.wav', i), iif(i % 100 = 0, 'FAILED', 'SUCCESS'),
       datetime('now', '-' || (i / 10000) || ' days', '-' || (i % 86400) || ' seconds'), iif(i % 100 = 0, 'failed by the bench', NULL),
       iif(i % 100 = 0, 5, 0), iif(i % 100 = 0, iif(i % 300 = 0, 'rejected', 'conflict'), NULL),
       @incoming || '/day-' || (i / 1000 % 100) || '/tar-' || (i / CAST(@each AS INTEGER)) || '.tar', printf('call-%07d.wav', i), 220000, lower(hex(randomblob(32))),
       'bench/' || printf('call-%07d.wav', i), 'e', i % 600 * 1000, iif(i % 50 = 0, 'alaw', 'pcm'), 8000, 1, 1, 1
     FROM n`,
  ).run({ count: recordings, each: EACH, incoming, extracted });
  db.prepare(
    `${numbers} INSERT INTO extracted_tars (path, timestamp, size, mtime_ms, sha256, recordings, bytes, skipped, refused, wavs, receipt_for,
       receipt_seq, receipts)
     SELECT @incoming || '/day-' || (i * CAST(@each AS INTEGER) / 1000 % 100) || '/tar-' || i || '.tar', datetime('now', '-' || (i / 100) || ' days'), 1, 1, h, CAST(@each AS INTEGER), 1, 0, 0,
       CAST(@each AS INTEGER), h, i + 1, json_array(json_object('seq', i + 1, 'key', 'r/' || i, 'sha256', h, 'tarSha256', h))
     FROM (SELECT i, lower(hex(randomblob(32))) AS h FROM n)`,
  ).run({ count: Math.ceil(recordings / EACH), each: EACH, incoming });
  db.exec('ANALYZE');
  db.close();
}
