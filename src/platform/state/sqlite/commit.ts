import { WavspoolError } from '../../../domain/faults.ts';
import type { TarLedger } from '../../../domain/ledger.ts';
import type { NewRecording } from '../../../domain/recording.ts';
import type { CommittedTar, TarContent, TarVersion } from '../../../domain/tar.ts';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import type { Plain } from './plain.ts';

/**
 * Rows whose bytes are in the store already keep their SUCCESS; others start again with the file just extracted. Extracting
 * again for an upload that found its file changed is one of its retries, so that it ends even if the file changes each time.
 * A row that is there keeps its job: a batch is only for what is not queued yet.
 */
const RECORDING = `
INSERT INTO uploads (wav_path, status, timestamp, retry_count, tar, member, size, sha256, duration_ms, codec, sample_rate,
  channels, wav_valid, tar_mtime_ms, batch, source_tar, source_offset)
VALUES (?, 'PENDING', ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (wav_path) DO UPDATE SET status = 'PENDING', timestamp = excluded.timestamp, cause = NULL, error_message = NULL,
  size = excluded.size, sha256 = excluded.sha256, member = coalesce(member, excluded.member),
  tar = coalesce(tar, excluded.tar), duration_ms = excluded.duration_ms, codec = excluded.codec,
  sample_rate = excluded.sample_rate, channels = excluded.channels, wav_valid = excluded.wav_valid,
  tar_mtime_ms = coalesce(tar_mtime_ms, excluded.tar_mtime_ms), source_tar = excluded.source_tar,
  source_offset = excluded.source_offset, retry_count = CASE
    WHEN uploads.status = 'PENDING' THEN uploads.retry_count
    WHEN uploads.retry_count < ? THEN uploads.retry_count + 1
    ELSE 0 END
WHERE uploads.status <> 'SUCCESS'`;

/** A legacy row says nothing of its bytes: now they are known, because the recording was recognised as this one. */
const RECOGNISED = `
UPDATE uploads SET sha256 = @sha256, size = @size, tar = coalesce(tar, @tar), tar_mtime_ms = coalesce(tar_mtime_ms, @mtimeMs),
  member = coalesce(member, @member) WHERE wav_path = @path`;

const REFUSED = `
INSERT INTO uploads (wav_path, status, timestamp, error_message, retry_count, cause, tar, member, tar_mtime_ms)
VALUES (@path, 'FAILED', @timestamp, @reason, @maxRetries, 'refused', @tar, @member, @mtimeMs)
ON CONFLICT (wav_path) DO UPDATE SET status = 'FAILED', timestamp = excluded.timestamp, error_message = excluded.error_message,
  retry_count = excluded.retry_count, cause = excluded.cause`;

const TAR = `
INSERT INTO extracted_tars (path, timestamp, size, mtime_ms, sha256, recordings, bytes, skipped, refused, shared, wavs)
VALUES (@tar, @timestamp, @size, @mtimeMs, @sha256, @recordings, @bytes, @skipped, @refused, @shared, @wavs)
ON CONFLICT (path) DO UPDATE SET timestamp = excluded.timestamp, size = excluded.size, mtime_ms = excluded.mtime_ms,
  sha256 = excluded.sha256, recordings = excluded.recordings, bytes = excluded.bytes, skipped = excluded.skipped,
  refused = excluded.refused, shared = excluded.shared, wavs = excluded.wavs, extracted_removed_at = NULL,
  incoming_removed_at = NULL`;

/** What a recording finds at its path. */
interface There {
  readonly tar: string | null;
  readonly mtimeMs: number | null;
  readonly sha256: string | null;
  readonly status: string;
}

/** Of a recording: whether its path had a row, and whether that is another tar's too. */
type What = 'new' | 'known' | 'shared';

/** Writes everything of a tar in one transaction. */
export function tarCommitter(
  db: Sqlite,
  write: Write,
  clock: Clock,
  maxRetries: number,
): Plain<TarLedger>['commit'] {
  const rowAt = db.prepare(
    'SELECT tar, tar_mtime_ms AS mtimeMs, sha256, status FROM uploads WHERE wav_path = ?',
  );
  // a number that a row of this version has already would make one job of recordings that are not queued together
  const freeBatch = db
    .prepare('SELECT coalesce(max(batch) + 1, 0) FROM uploads WHERE tar = ? AND tar_mtime_ms IS ?')
    .pluck();
  const forgetFailure = db.prepare('DELETE FROM uploads WHERE wav_path = ? AND tar = wav_path');
  const recording = db.prepare(RECORDING);
  const recognised = db.prepare(RECOGNISED);
  const refused = db.prepare(REFUSED);
  const tarRow = db.prepare(TAR);

  const add = (tar: TarVersion, row: NewRecording, timestamp: string, batch: number | null): What => {
    const there = rowAt.get(row.path) as There | undefined;
    if (there === undefined) {
      recording.run(...valuesOf(tar, row, timestamp, batch), maxRetries);
      return 'new';
    }
    refuseOther(row, there);
    const { path, member, size, sha256 } = row;
    if (there.status !== 'SUCCESS') recording.run(...valuesOf(tar, row, timestamp, null), maxRetries);
    else if (there.sha256 === null)
      recognised.run({ path, member, size, sha256, tar: tar.path, mtimeMs: tar.mtimeMs });
    return there.tar === null || isOf(tar, there) ? 'known' : 'shared';
  };

  const commit = (tar: TarVersion, { recordings, refused: without, summary }: TarContent): CommittedTar => {
    const timestamp = sqlTimestamp(clock.now());
    const { batchSize, ...figures } = summary;
    const shared: string[] = [];
    let wavs = 0;
    let known = 0;
    forgetFailure.run(tar.path);
    const firstBatch = batchSize > 1 ? (freeBatch.get(tar.path, tar.mtimeMs) as number) : 0;
    for (const page of recordings)
      for (const row of page) {
        const batch = batchSize > 1 ? firstBatch + Math.floor((wavs - known) / batchSize) : null;
        const what = add(tar, row, timestamp, batch);
        wavs += 1;
        if (what !== 'new') known += 1;
        if (what === 'shared') shared.push(row.path);
      }
    const version = { tar: tar.path, mtimeMs: tar.mtimeMs, timestamp };
    for (const one of without) refused.run({ ...one, ...version, maxRetries });
    tarRow.run({
      ...version,
      ...figures,
      size: tar.size,
      wavs,
      shared: shared.length === 0 ? null : JSON.stringify(shared),
    });
    return { known };
  };

  return (tar, content) => write(() => commit(tar, content));
}

/** In the order of {@link RECORDING}, but for its last. */
function valuesOf(
  tar: TarVersion,
  { path, member, size, sha256, wav, source }: NewRecording,
  timestamp: string,
  batch: number | null,
): readonly unknown[] {
  const facts = [wav.durationMs, wav.codec, wav.sampleRate, wav.channels].map((fact) => fact ?? null);
  const from = [source?.tar ?? null, source?.offset ?? null];
  return [
    path,
    timestamp,
    tar.path,
    member,
    size,
    sha256,
    ...facts,
    wav.valid ? 1 : 0,
    tar.mtimeMs,
    batch,
    ...from,
  ];
}

function isOf({ path, mtimeMs }: TarVersion, there: There): boolean {
  return there.tar === path && there.mtimeMs === mtimeMs;
}

/** Two recordings never have one path (P5): extraction looked before it gave the name, and another one was committed since. */
function refuseOther({ path, sha256 }: NewRecording, there: There): void {
  if (there.sha256 === null || there.sha256 === sha256) return;
  throw new WavspoolError(
    'PLACE_TAKEN',
    `${path} has become another recording's while this tar was extracted`,
  );
}
