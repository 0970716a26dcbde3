import type { RecordingRow, UploadStatus } from './recording.ts';

/** Which recordings; what is absent does not restrict. */
export interface RecordingFilter {
  readonly status?: UploadStatus | undefined;
  /** A part of its path or its tar's. */
  readonly part?: string | undefined;
  /** A tar's absolute path, or a part of it. */
  readonly tar?: string | undefined;
  readonly cause?: string | undefined;
  /** As its WAV header says: `pcm`, `alaw`, `ulaw`, `gsm610` … */
  readonly codec?: string | undefined;
  /** Changed from then on, and before then: `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly minMs?: number | undefined;
  readonly maxMs?: number | undefined;
}

/** Which tars; what is absent does not restrict. */
export interface TarFilter {
  readonly state: 'extracted' | 'failed' | 'all';
  readonly part?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** A tar in a list: extracted, or failed. */
export interface TarLine {
  readonly path: string;
  readonly state: 'extracted' | 'failed';
  readonly timestamp: string;
  readonly size: number | undefined;
  readonly mtimeMs: number | undefined;
  readonly recordings: number | undefined;
  readonly skipped: number | undefined;
  readonly refused: number | undefined;
  /** Its present version has its receipt. */
  readonly hasReceipt: boolean;
  readonly cause: string | undefined;
  readonly errorMessage: string | undefined;
  readonly retryCount: number | undefined;
}

/** A page of a list; `next` is opaque, see `Cursor` of the ledger. */
interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | undefined;
}

interface Asked {
  readonly limit: number;
  readonly after?: string | undefined;
}

/** Failures that are one to an operator. */
export interface FailureGroup {
  readonly cause: string;
  /** The names of recordings and tars in it are replaced by `…`. */
  readonly message: string;
  readonly recordings: number;
  /** When the first of them failed, `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly since: string | undefined;
}

/** What people look for in the ledger. None of it looks at more rows in one piece than others can wait for. */
export interface Browsing {
  /**
   * Recordings that fit, the newest change first. It looks at so many rows that it takes a tenth of a second at most: a page may be
   * short, or empty, and not the last. Rows without a time are in `list` only.
   */
  browse(query: RecordingFilter & Asked): Promise<Page<RecordingRow>>;
  /** Tars that fit, the latest first. */
  browseTars(query: TarFilter & Asked): Promise<Page<TarLine>>;
  /** The failed recordings by cause and message, the most frequent first, at most a hundred. */
  failureGroups(): Promise<readonly FailureGroup[]>;
  /** Bytes of the recordings that were uploaded from then on and before then: `YYYY-MM-DD HH:MM:SS` in UTC. */
  bytesUploadedBetween(from: string, to: string): Promise<number>;
}
