import type { Cause } from '../faults.ts';

/** One version of a tar on disk: a changed size or mtime is a new version. */
export interface TarVersion {
  /** Absolute path. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Whole milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** What a WAV header says; `invalid` when it cannot be read. */
export interface WavFacts {
  readonly valid: boolean;
  readonly durationMs: number | undefined;
  readonly codec: string | undefined;
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
}

export type UploadStatus = 'PENDING' | 'SUCCESS' | 'FAILED';

/** A row of `uploads` that stands for a recording. */
export interface RecordingRow {
  readonly path: string;
  readonly status: UploadStatus;
  /** `YYYY-MM-DD HH:MM:SS` in UTC: when the row was last changed. */
  readonly timestamp: string;
  readonly errorMessage: string | undefined;
  /** Retries so far; the first failure leaves it 0. */
  readonly retryCount: number;
  readonly cause: Cause | undefined;
  /** Absolute path of the tar; undefined for a row that was taken over. */
  readonly tar: string | undefined;
  readonly member: string | undefined;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly key: string | undefined;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
  readonly wav: WavFacts | undefined;
  /** When its tar was last modified, ms since 1970: decides the order of uploads. */
  readonly tarMtimeMs: number | undefined;
}

/** A row of `extracted_tars`. */
export interface TarRow {
  readonly path: string;
  readonly timestamp: string;
  readonly size: number | undefined;
  readonly mtimeMs: number | undefined;
  readonly sha256: string | undefined;
  readonly recordings: number | undefined;
  readonly bytes: number | undefined;
  readonly skipped: number | undefined;
  readonly refused: number | undefined;
  /** Recordings whose bytes another tar had brought already: `wav_path`s that belong to that tar's rows. */
  readonly shared: readonly string[];
}

/** A tar that could not be extracted: a FAILED row of `uploads` whose path is the tar's own. */
export interface FailedTar extends TarVersion {
  readonly timestamp: string;
  readonly errorMessage: string;
  readonly cause: Cause;
  readonly retryCount: number;
  /** True when it will be tried again by itself. */
  readonly retrying: boolean;
}
