import type { FaultCode } from './faults.ts';
import type {
  CommittedTar,
  FailedTar,
  ReceiptIntent,
  TarReceipt,
  TarRow,
  TarSummary,
  TarVersion,
} from './tar.ts';
import type {
  Failure,
  Occupant,
  OpenRecording,
  Progress,
  RecordingRow,
  RefusedRecording,
  StagedRecording,
  UploadReceipt,
  UploadStatus,
} from './recording.ts';

/** The rows of one tar on their way into one commit, kept on disk so that memory does not grow with the tar. */
export interface Extraction {
  stage(recording: StagedRecording): void;
  refuse(recording: RefusedRecording): void;
  /** Every staged recording in the order it was staged; `place` may be called for each while iterating. */
  staged(): Iterable<{ readonly seq: number; readonly recording: StagedRecording }>;
  /** The temporary file of every staged recording; unlike `staged` it needs no room on disk, so that it serves when there is none. */
  temporaries(): Iterable<string>;
  /** Says where the staged recording ended, as an absolute path. */
  place(seq: number, path: string): void;
  /** One transaction: the rows of all its recordings and the tar's own; a former failure of that tar goes. */
  commit(summary: TarSummary): Promise<CommittedTar>;
  /** Forgets what was staged; the temporary files are the caller's. Safe after commit. */
  discard(): void;
}

/** Which FAILED rows; what is absent does not restrict. */
export interface FailureFilter {
  readonly paths?: readonly string[] | undefined;
  readonly cause?: string | undefined;
  /** True for a text that is meant: a path, a space and its error message. */
  readonly match?: ((text: string) => boolean) | undefined;
  /** True for a tar's absolute path that is meant. */
  readonly tar?: ((path: string) => boolean) | undefined;
  /** `YYYY-MM-DD HH:MM:SS` in UTC, inclusive. */
  readonly since?: string | undefined;
}

export interface FailedPage {
  readonly rows: readonly (OpenRecording & { readonly row: RecordingRow })[];
  /** After which rowid the next page begins; undefined after the last. */
  readonly next: number | undefined;
}

export interface StateCounts {
  readonly PENDING: number;
  readonly SUCCESS: number;
  readonly FAILED: number;
  /** FAILED rows that have reached the limit and wait for an operator, and when the first of them did, as `state.db` spells it. */
  readonly givenUp: number;
  readonly givenUpSince: string | undefined;
  readonly extractedTars: number;
  readonly failedTars: number;
  /** The part of `failedTars` that waits for an operator, and since when. */
  readonly givenUpTars: number;
  readonly givenUpTarsSince: string | undefined;
  /** Bytes of the PENDING recordings. */
  readonly pendingBytes: number;
}

/** The one source of truth about what was extracted and uploaded. Throws STATE_UNUSABLE, STATE_BUSY or DISK_FULL. */
export interface StateStore {
  // tars
  tar(path: string): TarRow | undefined;
  failedTar(path: string): FailedTar | undefined;
  failedTars(filter: FailureFilter): readonly FailedTar[];
  /** The paths of those versions that need no extraction: extracted, or failed for good. */
  settledTars(versions: readonly TarVersion[]): Promise<ReadonlySet<string>>;
  beginExtraction(tar: TarVersion): Extraction;
  markTarFailed(tar: TarVersion, failure: Failure): Promise<void>;
  /** Forgets the failure of a tar, so that it is tried afresh. */
  forgetTarFailure(path: string): Promise<void>;
  /** How far the recordings of a tar are, those that it shares with other tars included. */
  tarProgress(path: string): Progress;
  /** Pages of a tar's recordings, in the order of extraction; a batch is never divided. */
  tarRecordings(
    path: string,
    afterRowid: number,
    limit: number,
  ): readonly (OpenRecording & { readonly row: RecordingRow })[];

  // receipts and cleanup
  /**
   * Tars whose present version has no receipt and whose recordings are all SUCCESS; in pages by path. `before`: and have been
   * since then, `YYYY-MM-DD HH:MM:SS` in UTC.
   */
  tarsDueForReceipt(afterPath: string, limit: number, before?: string): readonly TarRow[];
  /** The last receipt of the chain. */
  receiptHead(): TarReceipt | undefined;
  /** The receipt that was noted and not confirmed: what a crash interrupted. */
  openReceipt(): { readonly tar: TarRow; readonly intent: ReceiptIntent } | undefined;
  /** Notes what is about to be written; false when another one is noted already. */
  intendReceipt(tar: string, intent: ReceiptIntent): Promise<boolean>;
  /** The noted receipt will not be written: the store refuses it, and does not have it. */
  withdrawReceipt(tar: string): Promise<void>;
  /** The noted receipt lies in the bucket. */
  confirmReceipt(tar: string, receipt: TarReceipt): Promise<void>;
  /** Every recording of the tar's present version, the shared ones included; read in pages, so memory stays bounded. */
  recordingsOfVersion(tar: TarRow): Iterable<RecordingRow>;
  /** Tars that cleanup has not been at, with all recordings SUCCESS since `timestamp` or before; in pages by path. */
  tarsDueForCleanup(request: CleanupRequest): readonly TarRow[];
  markCleaned(tar: string, what: CleanupTarget): Promise<void>;

  // audit
  /** Takes a list of what is to be checked, as it is now; it does not keep state.db from being written to. */
  beginAudit(request: AuditRequest): AuditList;
  /** Tars of which rows are missing: fewer than their extraction had committed. */
  tarsLackingRows(): readonly TarRow[];
  tarsAfter(path: string, limit: number): readonly TarRow[];
  /** SUCCESS → PENDING, because the object is not what it was; returns false when the row has changed meanwhile. */
  reopen(path: string): Promise<boolean>;
  /** Rows as a receipt tells of them, where there are none. Returns how many recordings it added. */
  restoreTar(tar: RestoredTar): Promise<number>;

  // recordings
  recording(path: string): RecordingRow | undefined;
  /** The rows of those of them that have one, as they are at one moment. */
  recordings(paths: readonly string[]): readonly RecordingRow[];
  occupant(path: string): Occupant | undefined;
  /** What is still to be uploaded: PENDING, or FAILED and below the limit. In pages by rowid; a batch is never divided. */
  openRecordings(afterRowid: number, limit: number): readonly OpenRecording[];
  /** How many upload jobs the open recordings need. */
  openJobs(): number;
  /** SUCCESS, with the receipt; resolves when it is on disk. */
  markSuccess(path: string, receipt: UploadReceipt): Promise<void>;
  /** FAILED, with its cause, and no longer part of a batch; resolves when it is on disk. */
  markFailed(path: string, failure: Failure): Promise<void>;
  /**
   * FAILED rows that match, in pages by rowid. A page may be short, or empty, and not the last: only so many rows are looked at
   * in one call.
   */
  failed(filter: FailureFilter, afterRowid: number, limit: number): FailedPage;
  /** The recording with that key; looks at every row where the key is not what its path says. */
  recordingByKey(key: string): RecordingRow | undefined;
  /** FAILED → PENDING with a fresh budget; returns how many rows it changed. */
  requeue(paths: readonly string[]): Promise<number>;
  /** Rows for people, newest change first. */
  list(query: ListQuery): RecordingPage;
  /**
   * As list, those whose path or tar's path has `part` in it. A row that changes while it searches, a tenth of a second for a
   * million, may be missed or come twice.
   */
  search(query: ListQuery & { readonly part: string }): Promise<RecordingPage>;
  counts(): StateCounts;
  /** The PENDING recordings; counts() looks at every row, this at the open ones only. */
  backlog(): { readonly recordings: number; readonly bytes: number };
  causes(): readonly { readonly cause: string; readonly recordings: number }[];
  /** Recordings whose last change lies from the one timestamp on and before the other. */
  endedBetween(from: string, to: string): { readonly SUCCESS: number; readonly FAILED: number };
  /** Puts rows right that scripts and people wrote, so that none of them is outside of the figures; reports what it changed. */
  normalise(): Promise<void>;
  /** Why it could not be read or written when it was last tried; undefined while it can. */
  trouble(): StateTrouble | undefined;
  /** Whether the file that is open has lost its name: then nothing is written, and only a new start finds what has it now. */
  moved(): Moved | undefined;
  close(): void;
}

export type CleanupTarget = 'extracted' | 'incoming';

export interface CleanupRequest {
  readonly what: CleanupTarget;
  /** No recording of it was uploaded after this, `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly before: string;
  /** True: only tars whose present version has its receipt. */
  readonly withReceipt: boolean;
  readonly afterPath: string;
  readonly limit: number;
}

export interface AuditRequest {
  /** `s3.prefix` and `paths.extracted`: the key of a row that was taken over is derived from them. */
  readonly prefix: string;
  readonly extracted: string;
  /** Rows changed since then only, `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly since?: string | undefined;
  /** So many rows, chosen at random. */
  readonly sample?: number | undefined;
}

/** A SUCCESS row and what the store has to hold for it. */
export interface AuditedRow {
  readonly path: string;
  readonly key: string;
  readonly tar: string | undefined;
  /** Absent in a row that was taken over. */
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly etag: string | undefined;
}

export interface AuditList {
  readonly rows: number;
  /** In the order of S3's listings: by the bytes of the key. Read in pages, so memory stays bounded. */
  inKeyOrder(): Iterable<AuditedRow>;
  close(): void;
}

/** A tar and its recordings as a receipt tells of them. */
export interface RestoredTar extends TarVersion {
  readonly sha256: string;
  /** `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly timestamp: string;
  readonly receipt: TarReceipt;
  readonly recordings: readonly RestoredRecording[];
}

export interface RestoredRecording extends UploadReceipt {
  readonly path: string;
  readonly member: string;
  readonly durationMs: number | undefined;
  /** `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly timestamp: string;
}

export interface ListQuery {
  readonly status?: UploadStatus | undefined;
  readonly limit: number;
  /** Only what comes behind it, as a page gave it as `next`: rows that change meanwhile move no page. */
  readonly after?: RecordingPlace | undefined;
}

/** Where a recording stands in the order by time: the latest change first, those without a time last. */
export interface RecordingPlace {
  readonly timestamp: string | null;
  readonly rowid: number;
}

export interface RecordingPage {
  readonly rows: readonly RecordingRow[];
  /** What `after` takes for the next page; undefined after the last. */
  readonly next: RecordingPlace | undefined;
}

/** What became of a file that is open: another one has its name, or none has. */
export type Moved = 'replaced' | 'removed';

/** Why `state.db` could not be read or written when it was last tried. */
export interface StateTrouble {
  readonly code: FaultCode;
  readonly message: string;
  /** ms since 1970. */
  readonly since: number;
}
