import type { Cause } from './faults.ts';
import type { NewRecording, RefusedRecording } from './recording.ts';

/** One version of a tar on disk: a changed size or mtime is a new version. */
export interface TarVersion {
  /** Absolute path. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Whole milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** The version that lies at that path, of what `stat` says of it. */
export function versionAt(
  path: string,
  { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number },
): TarVersion {
  return { path, size, mtimeMs: Math.floor(mtimeMs) };
}

/** A row of `extracted_tars`: every recording of that tar has its row. */
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
  /** `wav_path`s of recordings whose bytes another tar, or another version of this one, had brought already. */
  readonly shared: readonly string[];
  /** Distinct recordings: its own rows and the shared ones. */
  readonly wavs: number | undefined;
  /** Every receipt of this path, oldest first: one per version. */
  readonly receipts: readonly TarReceipt[];
}

/** A receipt that lies in the bucket. */
export interface TarReceipt {
  /** Its place in the site's chain, from 1. */
  readonly seq: number;
  readonly key: string;
  /** Of the receipt itself. */
  readonly sha256: string;
  /** Of the tar's version that it is about. */
  readonly tarSha256: string;
}

/** The receipt that is about to be written: noted first, so that a crash cannot fork the chain. */
export interface ReceiptIntent extends TarReceipt {
  /** SHA-256 of the receipt before it; null for the first. */
  readonly previous: string | null;
}

/** A tar that could not be extracted: a FAILED row of `uploads` whose `wav_path` is the tar's own path. */
export interface FailedTar extends TarVersion {
  readonly timestamp: string;
  readonly errorMessage: string;
  readonly cause: Cause;
  readonly retryCount: number;
}

/** What a tar came to when it was extracted. */
export interface TarSummary extends TakenRecordings {
  readonly sha256: string;
  readonly skipped: number;
  readonly refused: number;
  /** So many of its recordings share an upload job; 1: each has a job of its own. */
  readonly batchSize: number;
}

/** The recordings of one tar, those included whose bytes had a row already. */
export interface TakenRecordings {
  readonly recordings: number;
  readonly bytes: number;
}

/** Everything that one commit writes of a tar. */
export interface TarContent {
  /** Its recordings, in pages, in the order of the tar, each path once. A commit that is repeated walks them again. */
  readonly recordings: Iterable<readonly NewRecording[]>;
  readonly refused: readonly RefusedRecording[];
  readonly summary: TarSummary;
}

export interface CommittedTar {
  /** Recordings whose bytes had a row already. */
  readonly known: number;
}
