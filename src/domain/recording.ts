import type { Cause } from './faults.ts';

/** What a WAV header says; `valid` is false when it cannot be read. */
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
  /** Its name in the tar. */
  readonly member: string | undefined;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly key: string | undefined;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
  readonly wav: WavFacts | undefined;
  /** When its tar was last modified, ms since 1970: decides the order of uploads. */
  readonly tarMtimeMs: number | undefined;
  /** Which of its tar's upload jobs carries it beside others; undefined: it has a job of its own. */
  readonly batch: number | undefined;
}

/** A recording that was read from a tar and lies complete, synced, under a temporary name. */
export interface StagedRecording {
  /** Its name in the tar. */
  readonly member: string;
  /** Its path below the tar's directory, as extraction would name it: `a/b.wav`. */
  readonly relativePath: string;
  readonly temporary: string;
  readonly size: number;
  readonly sha256: string;
  readonly wav: WavFacts;
}

/** A recording that a tar holds and that cannot be extracted safely; it gets a FAILED row, for P1 leaves nothing out. */
export interface RefusedRecording {
  /** `<tar>#<member>`: it has no path of its own. */
  readonly path: string;
  readonly member: string;
  readonly reason: string;
}

/** What is known of a path that a recording might get. */
export interface Occupant {
  readonly sha256: string | undefined;
  readonly size: number | undefined;
  readonly status: UploadStatus;
}

/** A recording and what its upload job is derived from. */
export interface OpenRecording extends Pick<RecordingRow, 'path' | 'tar' | 'tarMtimeMs' | 'batch'> {
  readonly rowid: number;
}

export interface Progress {
  readonly PENDING: number;
  readonly SUCCESS: number;
  /** FAILED, will be tried again. */
  readonly retrying: number;
  readonly givenUp: number;
}

export interface Failure {
  readonly cause: Cause;
  readonly message: string;
  /** Retries so far, this failure not counted as one. */
  readonly retryCount: number;
}

export interface UploadReceipt {
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly etag: string;
  readonly versionId: string | undefined;
}
