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
  /** Absolute path of the tar; undefined for a legacy row. */
  readonly tar: string | undefined;
  /** Its name in the tar. */
  readonly member: string | undefined;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly key: string | undefined;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
  readonly wav: WavFacts | undefined;
  /** Where its bytes are read; undefined: from the file at `path`. */
  readonly source: RecordingSource | undefined;
  /** When its tar was last modified, ms since 1970: decides the order of uploads. */
  readonly tarMtimeMs: number | undefined;
  /** Which of its tar's upload jobs carries it beside others; undefined: it has a job of its own. */
  readonly batch: number | undefined;
}

/** The place of a recording in a plain tar, for one of which no file was made. */
export interface RecordingSource {
  /** Absolute path. Equal bytes may have come with another tar than the row's own. */
  readonly tar: string;
  /** Of its first byte. */
  readonly offset: number;
}

/** A recording that lies complete under its final name, or in its tar. */
export interface NewRecording {
  /** Absolute. */
  readonly path: string;
  /** Its name in the tar. */
  readonly member: string;
  readonly size: number;
  readonly sha256: string;
  readonly wav: WavFacts;
  /** As in {@link RecordingRow}. */
  readonly source?: RecordingSource | undefined;
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

/** What one upload job carries: the recordings of a batch, or one recording by itself. */
export interface UploadUnit {
  readonly paths: readonly [string, ...string[]];
  /** What tells the batch from every other one; undefined for one recording by itself. */
  readonly batch: { readonly tar: string; readonly number: number } | undefined;
  /** Ms since 1970: decides the order of uploads. */
  readonly tarMtimeMs: number | undefined;
  /** Of its recordings, each in bytes. */
  readonly sizes: readonly number[];
}

/** How far the recordings of a tar are. */
export interface Progress {
  readonly PENDING: number;
  readonly SUCCESS: number;
  /** FAILED, will be tried again. */
  readonly retrying: number;
  readonly givenUp: number;
}

/** Why a try failed. */
export interface Failure {
  readonly cause: Cause;
  readonly message: string;
  /** Retries so far, this failure not counted as one. */
  readonly retryCount: number;
}

/** What the store answered to a PUT. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly etag: string;
  readonly versionId: string | undefined;
}
