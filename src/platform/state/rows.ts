import type { Cause } from '../../domain/faults.ts';
import type { AuditedRow } from '../../domain/ledger.ts';
import type { FailedTar, TarReceipt, TarRow } from '../../domain/tar.ts';
import type { RecordingRow, RecordingSource, UploadStatus, WavFacts } from '../../domain/recording.ts';

// SQL's null becomes undefined here and nowhere else.

function known<T>(value: T | null): T | undefined {
  return value ?? undefined;
}

/** A row of `uploads` as SQLite gives it. */
export interface UploadsRecord {
  rowid: number;
  wav_path: string;
  status: UploadStatus;
  timestamp: string;
  error_message: string | null;
  retry_count: number | null;
  cause: Cause | null;
  tar: string | null;
  member: string | null;
  size: number | null;
  sha256: string | null;
  key: string | null;
  etag: string | null;
  version_id: string | null;
  duration_ms: number | null;
  codec: string | null;
  sample_rate: number | null;
  channels: number | null;
  wav_valid: number | null;
  tar_mtime_ms: number | null;
  batch: number | null;
  source_tar: string | null;
  source_offset: number | null;
}

/** The columns of `uploads` that an upload job is derived from. */
export type OpenRecord = Pick<
  UploadsRecord,
  'rowid' | 'wav_path' | 'tar' | 'tar_mtime_ms' | 'batch' | 'size'
>;

/** A row of `extracted_tars` as SQLite gives it. */
export interface TarsRecord {
  path: string;
  timestamp: string;
  size: number | null;
  mtime_ms: number | null;
  sha256: string | null;
  recordings: number | null;
  bytes: number | null;
  skipped: number | null;
  refused: number | null;
  shared: string | null;
  wavs: number | null;
  receipt_for: string | null;
  receipts: string | null;
  receipt_intent: string | null;
}

export function recordingRow(record: UploadsRecord): RecordingRow {
  return {
    path: record.wav_path,
    status: record.status,
    timestamp: record.timestamp,
    errorMessage: known(record.error_message),
    retryCount: record.retry_count ?? 0,
    cause: known(record.cause),
    tar: known(record.tar),
    member: known(record.member),
    size: known(record.size),
    sha256: known(record.sha256),
    key: known(record.key),
    etag: known(record.etag),
    versionId: known(record.version_id),
    wav: wavFacts(record),
    source: sourceOf(record),
    tarMtimeMs: known(record.tar_mtime_ms),
    batch: known(record.batch),
  };
}

function sourceOf({ source_tar: tar, source_offset: offset }: UploadsRecord): RecordingSource | undefined {
  return tar === null || offset === null ? undefined : { tar, offset };
}

function wavFacts(record: UploadsRecord): WavFacts | undefined {
  if (record.wav_valid === null) return undefined;
  return {
    valid: record.wav_valid === 1,
    durationMs: known(record.duration_ms),
    codec: known(record.codec),
    sampleRate: known(record.sample_rate),
    channels: known(record.channels),
  };
}

export function failedTarRow(record: UploadsRecord): FailedTar {
  return {
    path: record.wav_path,
    size: record.size ?? 0,
    mtimeMs: record.tar_mtime_ms ?? 0,
    timestamp: record.timestamp,
    errorMessage: record.error_message ?? '',
    cause: record.cause ?? 'unknown',
    retryCount: record.retry_count ?? 0,
  };
}

export function tarRow(record: TarsRecord): TarRow {
  return {
    path: record.path,
    timestamp: record.timestamp,
    size: known(record.size),
    mtimeMs: known(record.mtime_ms),
    sha256: known(record.sha256),
    recordings: known(record.recordings),
    bytes: known(record.bytes),
    skipped: known(record.skipped),
    refused: known(record.refused),
    shared: record.shared === null ? [] : (JSON.parse(record.shared) as string[]),
    wavs: known(record.wavs),
    receipts: record.receipts === null ? [] : (JSON.parse(record.receipts) as TarReceipt[]),
  };
}

/** What an audit asks of a row of `uploads`. */
export interface AuditedRecord {
  id: number;
  path: string;
  key: string | null;
  tar: string | null;
  size: number | null;
  sha256: string | null;
  etag: string | null;
}

export function auditedRow({ path, key, tar, size, sha256, etag }: AuditedRecord): AuditedRow {
  return {
    path,
    key: known(key),
    tar: known(tar),
    size: known(size),
    sha256: known(sha256),
    etag: known(etag),
  };
}
