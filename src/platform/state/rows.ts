import type { Cause } from '../../domain/faults.ts';
import type { AuditedRow } from '../../domain/ledger.ts';
import type { FailedTar, TarReceipt, TarRow } from '../../domain/tar.ts';
import type { RecordingRow, RecordingSource, UploadStatus, WavFacts } from '../../domain/recording.ts';

// SQL's null becomes undefined here and nowhere else.

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
    errorMessage: record.error_message ?? undefined,
    retryCount: record.retry_count ?? 0,
    cause: record.cause ?? undefined,
    tar: record.tar ?? undefined,
    member: record.member ?? undefined,
    size: record.size ?? undefined,
    sha256: record.sha256 ?? undefined,
    key: record.key ?? undefined,
    etag: record.etag ?? undefined,
    versionId: record.version_id ?? undefined,
    wav: wavFacts(record),
    source: sourceOf(record),
    tarMtimeMs: record.tar_mtime_ms ?? undefined,
    batch: record.batch ?? undefined,
  };
}

function sourceOf({ source_tar: tar, source_offset: offset }: UploadsRecord): RecordingSource | undefined {
  return tar === null || offset === null ? undefined : { tar, offset };
}

function wavFacts(record: UploadsRecord): WavFacts | undefined {
  if (record.wav_valid === null) return undefined;
  return {
    valid: record.wav_valid === 1,
    durationMs: record.duration_ms ?? undefined,
    codec: record.codec ?? undefined,
    sampleRate: record.sample_rate ?? undefined,
    channels: record.channels ?? undefined,
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
    size: record.size ?? undefined,
    mtimeMs: record.mtime_ms ?? undefined,
    sha256: record.sha256 ?? undefined,
    recordings: record.recordings ?? undefined,
    bytes: record.bytes ?? undefined,
    skipped: record.skipped ?? undefined,
    refused: record.refused ?? undefined,
    shared: record.shared === null ? [] : (JSON.parse(record.shared) as string[]),
    wavs: record.wavs ?? undefined,
    receipts: record.receipts === null ? [] : (JSON.parse(record.receipts) as TarReceipt[]),
  };
}

/** What an audit asks of a row of `uploads`. */
export interface AuditedRecord {
  id: number;
  path: string;
  key: string;
  tar: string | null;
  size: number | null;
  sha256: string | null;
  etag: string | null;
}

export function auditedRow({ path, key, tar, size, sha256, etag }: AuditedRecord): AuditedRow {
  return {
    path,
    key,
    tar: tar ?? undefined,
    size: size ?? undefined,
    sha256: sha256 ?? undefined,
    etag: etag ?? undefined,
  };
}
