import type { Browsing } from './browse.ts';
import type { FaultCode } from './faults.ts';
import type { History } from './history.ts';
import type { Leases, Tenure } from './lease.ts';
import type {
  Failure,
  Occupant,
  Progress,
  RecordingRow,
  StoredObject,
  UploadStatus,
  UploadUnit,
} from './recording.ts';
import type { RunLog } from './run-log.ts';
import type { SharedPauses } from './shared-pauses.ts';
import type {
  CommittedTar,
  FailedTar,
  ReceiptIntent,
  TarContent,
  TarReceipt,
  TarRow,
  TarVersion,
} from './tar.ts';

// The ledger: the one source of truth about what was extracted and uploaded. It has four parts; who works with it takes the
// part that it needs. Every write resolves when it is on disk. Timestamps are `YYYY-MM-DD HH:MM:SS` in UTC. All of it throws
// STATE_UNUSABLE, STATE_BUSY, STATE_DAMAGED or DISK_FULL.

/** A place in a list, between two rows. Only the list that gave it can read it, on any day. */
export type Cursor = string;

/** A page of a list. It may be short, or empty, and not the last. */
export interface PageOf<T> {
  readonly rows: readonly T[];
  /** What the next page begins behind; undefined after the last. */
  readonly next: Cursor | undefined;
}

export interface PageRequest {
  /** Undefined: from the beginning. Another list's throws USAGE. */
  readonly after?: Cursor | undefined;
  readonly limit: number;
}

export interface Ledger {
  readonly tars: TarLedger;
  readonly recordings: RecordingLedger;
  readonly receipts: ReceiptLedger;
  readonly catalogue: LedgerCatalogue;
  /** What its hosts share beside the rows; absent where the ledger is one host's. */
  readonly shared?: SharedWork;
  /** Puts rows right that scripts and people wrote, so that none of them is outside of the figures; reports what it changed. */
  normalise(): Promise<void>;
  /** Why it could not be read or written when it was last tried; undefined while it can. */
  trouble(): StateTrouble | undefined;
  /** Whether the file that is open has lost its name: then nothing is written, and only a new start finds what has it now. */
  moved(): Moved | undefined;
  close(): Promise<void>;
}

/** Which tars were extracted, and which could not be. */
export interface TarLedger {
  get(path: string): Promise<TarRow | undefined>;
  /** The paths of those versions that need no extraction: extracted, or failed for good. */
  settled(versions: readonly TarVersion[]): Promise<ReadonlySet<string>>;
  /** What is known of those of the paths that have a row. */
  occupants(paths: readonly string[]): Promise<ReadonlyMap<string, Occupant>>;
  /**
   * One transaction: the rows of all its recordings and the tar's own; a former failure of that tar goes. Safe to repeat. Throws
   * PLACE_TAKEN, and writes nothing, when another recording has got one of the paths meanwhile (P5).
   */
  commit(tar: TarVersion, content: TarContent): Promise<CommittedTar>;
  /** Notes that it could not be extracted. */
  fail(tar: TarVersion, failure: Failure): Promise<void>;
  /** Forgets its failure, so that it is tried afresh. */
  forgetFailure(path: string): Promise<void>;
  failure(path: string): Promise<FailedTar | undefined>;
  /** The failed tars, by path. */
  failed(filter: FailureFilter, page: PageRequest): Promise<PageOf<FailedTar>>;
  /** How far the recordings of a tar are, those that it shares with other tars included. */
  progress(path: string): Promise<Progress>;
  /** Every tar that has a row, extracted or failed, in pages. */
  paths(): AsyncIterable<readonly string[]>;
}

/** How far every recording is. */
export interface RecordingLedger {
  get(path: string): Promise<RecordingRow | undefined>;
  /** The rows of those of them that have one, as they are at one moment, in the order of the paths. */
  many(paths: readonly string[]): Promise<readonly RecordingRow[]>;
  /** The recording with that key; looks at every row where the key is not what its path says. */
  byKey(key: string): Promise<RecordingRow | undefined>;
  /** Whether a recording of another site of the ledger has that key in the bucket. */
  isOfOthers(key: string): Promise<boolean>;
  /** The recordings with these keys, in no order; looks at every row once. */
  manyByKey(keys: readonly string[]): Promise<readonly RecordingRow[]>;
  /** SUCCESS, with what the store answered. */
  stored(path: string, object: StoredObject): Promise<void>;
  /** FAILED, with its cause, and no longer part of a batch; one that is SUCCESS stays. */
  failed(path: string, failure: Failure): Promise<void>;
  /** FAILED → PENDING with a fresh budget; returns how many rows it changed. */
  requeue(paths: readonly string[]): Promise<number>;
  /** SUCCESS → PENDING, because the object is not what it was; returns false when the row has changed meanwhile. */
  reopen(path: string): Promise<boolean>;
  /** What is still to be uploaded (PENDING, or FAILED and below the limit), a job each; `limit` counts recordings. */
  openUnits(page: PageRequest): Promise<PageOf<UploadUnit>>;
  /** As {@link openUnits}, of the PENDING recordings of one tar. */
  pendingUnits(tar: string, page: PageRequest): Promise<PageOf<UploadUnit>>;
  /** How many jobs the open recordings need. */
  openUnitCount(): Promise<number>;
  /** The PENDING recordings; counts() looks at every row, this at the open ones only. */
  backlog(): Promise<{ readonly recordings: number; readonly bytes: number }>;
  /** FAILED rows, in an order that stays. */
  failures(filter: FailureFilter, page: PageRequest): Promise<PageOf<FailedRecording>>;
}

/** Which tars are wholly uploaded, and what was done about it: their receipts, the removal of their files. */
export interface ReceiptLedger {
  /** Tars whose present version has no receipt and whose recordings are all SUCCESS, and have been since `before`; by path. */
  due(page: PageRequest & { readonly before?: string | undefined }): Promise<PageOf<TarRow>>;
  /** The last receipt of the chain. */
  head(): Promise<TarReceipt | undefined>;
  /** The receipt that was begun and not confirmed: what a crash interrupted. */
  pending(): Promise<{ readonly tar: TarRow; readonly intent: ReceiptIntent } | undefined>;
  /** Notes what is about to be written; false when another one is noted already. */
  begin(tar: string, intent: ReceiptIntent): Promise<boolean>;
  /** The noted receipt will not be written: the store refuses it, and does not have it. */
  withdraw(tar: string): Promise<void>;
  /** The noted receipt lies in the bucket. */
  confirm(tar: string, receipt: TarReceipt): Promise<void>;
  /** Every recording of the tar's present version, the shared ones included, in pages. */
  recordingsOf(tar: TarRow): AsyncIterable<readonly RecordingRow[]>;
  /** Tars that cleanup has not been at, with all recordings SUCCESS since `before` or earlier; by path. */
  dueForCleanup(request: CleanupRequest): Promise<PageOf<TarRow>>;
  markCleaned(tar: string, what: CleanupTarget): Promise<void>;
}

/** What people and audits ask. */
export interface LedgerCatalogue extends Browsing {
  /** Newest change first. */
  list(query: ListQuery): Promise<PageOf<RecordingRow>>;
  /**
   * As list, those whose path or tar's path has `part` in it. A row that changes while it searches, a tenth of a second for a
   * million, may be missed or come twice.
   */
  search(query: ListQuery & { readonly part: string }): Promise<PageOf<RecordingRow>>;
  counts(): Promise<StateCounts>;
  causes(): Promise<readonly { readonly cause: string; readonly recordings: number }[]>;
  /** For each span, the recordings whose last change lies in it. */
  ended(spans: readonly Span[]): Promise<readonly { readonly SUCCESS: number; readonly FAILED: number }[]>;
  /** Takes a list of what is to be checked, as it is now; it keeps no process from writing. */
  audit(request: AuditRequest): Promise<AuditList>;
  /** Tars of which rows are missing: fewer than their extraction had committed. */
  lackingRows(): Promise<readonly TarRow[]>;
  /** Rows as a receipt tells of them, where there are none. Returns how many recordings it added. */
  restoreTar(tar: RestoredTar): Promise<number>;
}

/** From the one timestamp on and before the other. */
export interface Span {
  readonly from: string;
  readonly to: string;
}

/** Which FAILED rows; what is absent does not restrict. */
export interface FailureFilter {
  readonly paths?: readonly string[] | undefined;
  readonly cause?: string | undefined;
  /** Inclusive. */
  readonly since?: string | undefined;
}

export interface FailedRecording {
  readonly row: RecordingRow;
  /** Behind it. */
  readonly cursor: Cursor;
}

export interface StateCounts {
  readonly PENDING: number;
  readonly SUCCESS: number;
  readonly FAILED: number;
  /** FAILED rows that have reached the limit and wait for an operator, and since when the first of them does. */
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

export type CleanupTarget = 'extracted' | 'incoming';

export interface CleanupRequest extends PageRequest {
  readonly what: CleanupTarget;
  /** No recording of it was uploaded after this. */
  readonly before: string;
  /** True: only tars whose present version has its receipt. */
  readonly withReceipt: boolean;
}

export interface AuditRequest {
  /** `s3.prefix` and `paths.extracted`: the key of a legacy row is derived from them. */
  readonly prefix: string;
  readonly extracted: string;
  /** Rows changed since then only. */
  readonly since?: string | undefined;
  /** So many rows, chosen at random. */
  readonly sample?: number | undefined;
}

/** A SUCCESS row and what the store has to hold for it. */
export interface AuditedRow {
  readonly path: string;
  /** Absent in a legacy row whose path is not below `extracted`: nothing tells where its object is. */
  readonly key: string | undefined;
  readonly tar: string | undefined;
  /** Absent in a legacy row. */
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly etag: string | undefined;
}

export interface AuditList {
  readonly rows: number;
  /** Those without a key first, the others in the order of S3's listings, by the bytes of the key; in pages, so memory stays bounded. */
  inKeyOrder(): AsyncIterable<readonly AuditedRow[]>;
  close(): Promise<void>;
}

/** A tar and its recordings as a receipt tells of them. */
export interface RestoredTar extends TarVersion {
  readonly sha256: string;
  readonly timestamp: string;
  readonly receipt: TarReceipt;
  readonly recordings: readonly RestoredRecording[];
}

export interface RestoredRecording extends StoredObject {
  readonly path: string;
  readonly member: string;
  readonly durationMs: number | undefined;
  readonly timestamp: string;
}

export interface ListQuery extends PageRequest {
  readonly status?: UploadStatus | undefined;
}

/** What became of a file that is open: another one has its name, or none has. */
export type Moved = 'replaced' | 'removed';

/** Why the ledger could not be read or written when it was last tried. */
export interface StateTrouble {
  readonly code: FaultCode;
  readonly message: string;
  /** ms since 1970. */
  readonly since: number;
}

/**
 * What the hosts of a site share beside the rows, where the ledger is one over the network. All of it throws LEDGER_AWAY while that is
 * away.
 */
export interface SharedWork {
  /** What was on all hosts of the site, as the host of that data directory's id notes it. */
  history(origin: string): History;
  readonly pauses: SharedPauses;
  readonly leases: Leases;
  /** The same as those of the ledger, whose writes throw LEASE_LOST once another process has the lease. */
  receipts(tenure: Tenure): ReceiptLedger;
  /** The runs of the jobs of one host, by its id, or of the site's own jobs. What is noted under a tenure that is over throws LEASE_LOST. */
  runs(of: { readonly host: string } | 'site'): RunLog;
}
