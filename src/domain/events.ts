import type { Cause, FaultCode } from './faults.ts';

type Failure = { code: FaultCode; cause: Cause; err: unknown };

/**
 * Everything wavspool reports. The key is the log message, the fields are its context; the log, the metrics and the
 * tests subscribe. An event's level stands in {@link LEVELS}.
 */
export interface Events {
  // a role's life
  'role started': { node: string; concurrency?: number };
  'role stopping': { reason: string; graceMs: number };
  'role stopped': { ms: number; released: number };
  'role died': {
    died: string;
    diedPid: number;
    exitCode: number | null;
    signal: string | null;
    restartMs: number;
  };
  /** Its event loop has been blocked; it is ended. */
  'role blocked': { blocked: string; blockedMs: number };
  'no settings file': { lookedAt: readonly string[]; data: string };
  'roles left out': { roles: readonly string[]; without: readonly string[]; reason: string };
  'embedded redis started': { socket: string; redisPid: number };
  'embedded redis left over': { directory: string; pids: readonly number[]; signal: string };
  'append-only files set aside': { setAside: string; why: string };
  'redis away': { err: unknown; times: number };
  'redis refuses': { err: unknown; times: number };
  'redis back': { awayMs: number };
  'ledger away': { err: unknown };
  'ledger back': { awayMs: number };
  'worker stalled': { queue: string; reason: string; action: string };
  'queue restored': { queue: string };
  /** The clock was set back: what waited for its retry would have waited for the clock. */
  'delays renewed': { queue: string; jobs: number };

  // arrival
  watching: { incoming: string; directories: number };
  'watch fault': { err: unknown; remedy: string };
  'tar arrived': { tar: string; bytes: number; by: 'event' | 'rescan'; quietMs: number };
  'tar incomplete': { tar: string; bytes: number; reason: string };
  'tar given up': { tar: string; bytes: number; reason: string; afterSeconds: number };
  'tar unreadable': { tar: string; err: unknown };
  'tar doubtful': { tar: string; bytes: number; reason: string };
  'files not taken': { reason: string; files: number; bytes: number; examples: readonly string[] };
  'rescan finished': {
    tars: number;
    known: number;
    queued: number;
    waiting: number;
    missedByWatcher: number;
    recordings: number;
    ms: number;
  };
  'rescan failed': { err: unknown };

  // extraction
  'tar extracted': {
    tar: string;
    sha256: string;
    recordings: number;
    known: number;
    skipped: number;
    refused: number;
    bytes: number;
    ms: number;
    skippedNames: readonly string[];
    /** In the order of their names. */
    skippedReasons: readonly string[];
    refusedNames: readonly string[];
    /** What is odd about how the tar was written. */
    notes: readonly string[];
  };
  'tar failed': { tar: string; attempt: number; final: boolean } & Failure;
  'extraction waits': { reason: string; freeBytes?: number; neededBytes?: number; backlog?: number };
  'extraction goes on': { waitedMs: number };
  'directory away': { directory: string; reason: string };
  'directory back': { directory: string };
  /** It takes no file that tells it from a directory of the same path on another host, as a read-only mount. */
  'directory without id': { directory: string; err: unknown };
  'directories not compared': { err: unknown; times: number };
  /** Roles of the same site work in other directories. */
  'site elsewhere': { err: unknown };
  'temporary files swept': { directory: string; files: number };

  // upload
  'recording uploaded': {
    recording: string;
    key: string;
    bytes: number;
    attempt: number;
    ms: number;
    alreadyThere: boolean;
  };
  /** Another object has the key that a recording would get: it gets the next one. */
  'key taken': { recording: string; key: string; next: string };
  'recording failed': { recording: string; attempt: number; final: boolean; delayMs?: number } & Failure;
  'upload waits': { reason: string };
  'upload goes on': { waitedMs: number };
  'recording requeued': { recording: string; by: string };
  'store away': { cause: Cause; code: FaultCode; err: unknown; probeInMs: number };
  'store back': { awayMs: number };
  'store lacks conditional put': { endpoint: string };
  'multipart upload left behind': { key: string; err: unknown };

  // after the upload
  'receipt written': { tar: string; key: string; seq: number; recordings: number };
  'receipt put off': { tar: string; code: FaultCode; err: unknown };
  'receipt ignored': { key: string; reason: string };
  'receipts caught up': { after: number; receipts: number; recordings: number };
  'files removed': { tar: string; what: 'extracted' | 'incoming'; files: number; bytes: number };
  'file kept': { path: string; reason: string };

  // maintenance
  'tables exported': {
    database: string;
    export: string;
    path: string;
    tables: number;
    rows: number;
    bytes: number;
    ms: number;
  };
  'exports pruned': { database: string; export: string; kept: number; removed: readonly string[] };

  'mirror made': {
    mirror: string;
    path: string;
    files: number;
    linked: number;
    bytes: number;
    copiedBytes: number;
    checksum: boolean;
    notes: readonly string[];
    ms: number;
  };
  'mirror damaged': { mirror: string; path: string; files: number; firstFiles: readonly string[] };
  'mirror source altered': { mirror: string; source: string; files: number; firstFiles: readonly string[] };
  'mirror incomplete': { mirror: string; source: string; files: number; firstFiles: readonly string[] };
  'mirror shipped': { mirror: string; key: string; files: number; bytes: number };
  'mirror pruned': { mirror: string; kept: number; removed: readonly string[] };
  'mirror swept': { mirror: string; trees: number };
  // logs
  'log rotated': {
    log: string;
    archive: string | null;
    way: 'collapse' | 'window' | 'move';
    windowUs: number;
    why: string | null;
    bytes: number;
    linesInFront: number;
    removed: readonly string[];
    finished: boolean;
    ms: number;
  };
  'log rotation skipped': { log: string; reason: string };
  'log rotation failed': { log: string; archive: string | null } & Failure;
  'log writer without append': { log: string; writerPid: number; program: string };
  /** `appends`: false when he is known to keep an offset of his own, null when nothing is known yet. */
  'log writer hidden': { log: string; appends: boolean | null };
  'archive still written': { log: string; archive: string; writerPid: number; program: string };
  // restore points
  'restore point captured': {
    database: string;
    pages: number;
    pageCount: number;
    storedBytes: number;
    pinnedMs: number;
    ms: number;
  };
  'full backup written': {
    database: string;
    reason: string;
    position: number;
    pageCount: number;
    bytes: number;
  };
  'full backup refused': { database: string; reason: string };
  'wal capture started': { database: string; position: number };
  'commits captured': { database: string; commits: number; bytes: number; longestLockMs: number };
  'wal capture died': { database: string; code: string; reason: string; restartMs: number };
  'log cannot start over': { database: string; walBytes: number };
  'timeline interrupted': { database: string; reason: string };
  /** What a program committed while the capture did not follow the log: one point holds all of it. */
  'commits captured together': { database: string; pages: number };
  'restore points damaged': { database: string; faults: readonly string[] };
  'restore points shipped': { database: string; prefix: string; files: number; bytes: number };
  'restore points pruned': { database: string; chains: number; files: number; bytes: number };

  // operators
  requeued: { by: string; recordings: number; tars: number };
  'queues paused': { queues: readonly string[]; reason: string; until: string | null };
  'queues resumed': { queues: readonly string[]; by: string };
  'stale uploads aborted': { uploads: number };
  'orphans reclaimed': { queue: string; jobs: number };
  'job done': { job: string; by: string; ms: number };
  'job failed': { job: string; err: unknown };
  /** Whether it is due cannot be told. */
  'job not checked': { job: string; err: unknown };
  /** This process has the right to do what it is named after, for a while that it renews. */
  'lease taken': { lease: string; term: number };
  'lease lost': { lease: string; term: number; reason: string };
  'lease not renewed': { lease: string; err: unknown; times: number };
  'clock was ahead': { job: string; runs: number; until: string };
  'ping failed': { job: string; reason: string };

  // maintenance
  'snapshot taken': {
    database: string;
    schedule: string;
    path: string;
    bytes: number;
    rawBytes: number;
    rows: number;
    ms: number;
  };
  'directory mode changed': { directory: string; was: string; mode: string };
  'directory mode not as asked': { directory: string; mode: string; asked: string; reason: string };
  'copy in doubt': { of: string; schedule: string; path: string; reason: string };
  'snapshot shipped': { database: string; schedule: string; key: string; bytes: number };
  'database restored': { database: string; path: string; from: string; saved: string | null; ms: number };
  'snapshots pruned': { database: string; schedule: string; kept: number; removed: readonly string[] };
  'dashboard listening': { address: string };
  'request refused': { route: string; status: number; reason: string };
  'request failed': { route: string; err: unknown };
  'service manager not told': { lines: string; err: unknown };
  'state replaced': { file: string };
  /** A client had something done over HTTP: who, from which address, and what the answer was. */
  'asked over HTTP': { by: string; from: string; what: string; asked: string; status: number };
  /** An audit that was asked for over HTTP is over: what it was asked, and what came of it. */
  'audit finished': {
    by: string;
    from: string;
    asked: string;
    ok: boolean;
    checked: number;
    findings: number;
    repaired: number;
    ms: number;
  };
  'audit failed': { by: string; from: string; asked: string; err: unknown };
  'audit stopped': { by: string; from: string; asked: string; checked: number };
  /** A user of the console had a copy restored to a scratch file, to see whether it can be. */
  'restore tested': { by: string; from: string; database: string; path: string; ok: boolean; ms: number };
  /** A user heard or downloaded a recording. */
  'recording read': { recording: string; by: string; from: string; bytes: number };
  /** A user fetched recordings as one tar; `unverified` of them could not be proven. */
  'recordings fetched': {
    by: string;
    from: string;
    recordings: number;
    bytes: number;
    unverified: number;
  };
  /** Figures and events for people were not noted; no recording depends on it. */
  'history not kept': { err: unknown };
  /** Who is to be told of problems takes no message; it is kept and sent again. */
  'alert not sent': { receiver: string; reason: string; waiting: number };
  'alerts sent again': { receiver: string };
  'alerts dropped': { dropped: number };
  'alerts not kept': { err: unknown };
  'state damaged': { file: string; faults: readonly string[]; remedy: string };
  'state sound': { file: string };
  'state not checked': { file: string; reason: string };
  'state taken over': { file: string; tars: number; uploads: number };
  'rows put right': {
    file: string;
    bytePaths: number;
    noPaths: number;
    statuses: number;
    unknownStatuses: number;
    retryCounts: number;
    timestamps: number;
    unknownTimestamps: number;
    messages: number;
  };
  /** Of these, `times` counts how often in a row; they are reported at first and every 30 s. */
  'heartbeat failed': { err: unknown; times: number };
  'schedules not renewed': { err: unknown; times: number };
  'delays not renewed': { queue: string; err: unknown; times: number };
  'progress not known': { queue: string; err: unknown; times: number };
  'queues not listed': { err: unknown; times: number };
  'upload processes not counted': { err: unknown; times: number };
  'landing figures not told': { err: unknown; times: number };
  'store not asked': { err: unknown; times: number };
  /** What a site's processes tell each other about the store through Redis. */
  'outage not read': { err: unknown };
  'outage not published': { err: unknown };
  'probe not agreed': { err: unknown };
  'tars not queued': { tars: number; err: unknown };
  'temporary files not swept': { directory: string; err: unknown };
  /** Redis was away in the middle of it. */
  'job interrupted': { queue: string; job: string; err: unknown; againInMs: number };
  /** A fault of wavspool: processing never rejects. */
  'job crashed': { queue: string; job: string; err: unknown; againInMs: number };
  /** Another worker has it: this one did not say in time that it goes on. */
  'job lock lost': { queue: string; err: unknown };
  'worker fault': { queue: string; err: unknown };
  'worker not paused': { queue: string; err: unknown };
  'worker not resumed': { queue: string; err: unknown };
  'orphans not reclaimed': { queue: string; err: unknown };
  'role not started': { err: unknown };
  'role not stopped in time': { ms: number };
  'priority not lowered': { nice: number; err: unknown };
  'program not started': { program: string; err: unknown };
  'restart not prepared': { died: string; err: unknown };
  'loop guard ended': { err: unknown };
  'wal capture ended': { err: unknown };
  /** A role cannot answer about itself; it works all the same. */
  'health not answered': { directory: string; err: unknown };
  /** What hears the events threw; the others have heard this one all the same. */
  'sink failed': { err: unknown };
}

export type EventName = keyof Events;

/** The only way to say something: the event's name is the log message, its fields are checked by the compiler. */
export type Report = <E extends EventName>(event: E, fields: Events[E]) => void;
