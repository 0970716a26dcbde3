import { SERVICE_FAULTS, type Fault } from './service-faults.ts';

/**
 * Every way a recording, a tar or a command can fail.
 *
 * - `cause`: the word in `state.db`, in `failed --by-cause`, in metrics and in logs.
 * - `retry`: who may try again. `this one`: the recording or tar, within its limit. `when the store is back` (P7) and
 *   `when there is room` (the host's trouble, `state.db`'s too): no retry is spent. `never`: another try cannot end differently.
 * - `exit`: the command line's exit code when the fault ends a command.
 * - `remedy`: what an operator can do about it.
 *
 * docs/errors.md lists the same codes; a test compares the two.
 */
export const FAULTS = {
  // settings and use
  SETTINGS_INVALID: {
    cause: 'settings',
    retry: 'never',
    exit: 2,
    remedy: 'correct the settings file; "wavspool config check" shows every fault',
  },
  INTERRUPTED: {
    cause: 'interrupted',
    retry: 'this one',
    exit: 130,
    remedy: 'nothing half is left; run it again',
  },
  USAGE: { cause: 'usage', retry: 'never', exit: 2, remedy: 'see "wavspool --help"' },

  ...SERVICE_FAULTS,

  // the store as a whole (P7)
  STORE_UNREACHABLE: {
    cause: 'network',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'check s3.endpoint, DNS, firewall and the store itself',
  },
  STORE_THROTTLED: {
    cause: 'throttled',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'the store asks for fewer requests; lower upload.concurrency if it lasts',
  },
  STORE_FAILING: {
    cause: 'unavailable',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'the store answers with errors of its own: ask its operator',
  },
  STORE_CREDENTIALS: {
    cause: 'credentials',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'check the access key, its secret, its rights on the bucket, and this host’s clock',
  },
  STORE_BUCKET: {
    cause: 'bucket',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'create the bucket, or correct s3.bucket, s3.region or s3.endpoint',
  },
  STORE_FULL: {
    cause: 'quota',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'the store has no room or the quota is used up',
  },
  STORE_REFUSING: {
    cause: 'bucket',
    retry: 'when the store is back',
    exit: 3,
    remedy: 'the bucket refuses every object, its message says why: see s3.checksum, its policy, encryption',
  },
  STORE_NOT_S3: {
    cause: 'protocol',
    retry: 'when the store is back',
    exit: 3,
    remedy: 's3.endpoint does not answer like S3: a proxy, a login page or a wrong address',
  },

  // one recording
  CONNECTION_LOST: { cause: 'network', retry: 'this one', exit: 1, remedy: 'tried again by itself' },
  REQUEST_TIMEOUT: { cause: 'timeout', retry: 'this one', exit: 1, remedy: 'tried again by itself' },
  STORE_ERROR: {
    cause: 'store',
    retry: 'this one',
    exit: 1,
    remedy: 'tried again by itself; ask the store’s operator if it lasts',
  },
  HASH_REFUSED: {
    cause: 'corrupted',
    retry: 'this one',
    exit: 1,
    remedy: 'the bytes changed between this host and the store: suspect memory, network cards and proxies',
  },
  OBJECT_REJECTED: {
    cause: 'rejected',
    retry: 'this one',
    exit: 1,
    remedy: 'the store refuses this one object: its message says why',
  },
  KEY_TAKEN: {
    cause: 'conflict',
    retry: 'this one',
    exit: 1,
    remedy:
      'other objects have every name that it could get: look at them, move the foreign ones, then re-queue',
  },
  OBJECT_MISSING: {
    cause: 'missing',
    retry: 'this one',
    exit: 1,
    remedy:
      'another program removed the object; "audit --repair" uploads it again while its file is still there',
  },
  RECEIPT_INVALID: {
    cause: 'receipt',
    retry: 'never',
    exit: 1,
    remedy: 'another program changed or replaced the receipt: look for an older version of the object',
  },
  RECORDING_CHANGED: {
    cause: 'changed',
    retry: 'this one',
    exit: 1,
    remedy:
      'another program changed this file, or the tar which holds it: put the tar back as it was; "requeue" extracts it again',
  },
  RECORDING_MISSING: {
    cause: 'missing',
    retry: 'this one',
    exit: 1,
    remedy:
      'another program removed this file, or the tar which holds it: put the tar back; "requeue" extracts it again',
  },
  RECORDING_OUTSIDE: {
    cause: 'outside',
    retry: 'this one',
    exit: 1,
    remedy: 'the row’s path is not below paths.extracted, so it has no key',
  },
  MEMBER_REFUSED: {
    cause: 'refused',
    retry: 'never',
    exit: 1,
    remedy: 'the member cannot be extracted safely: unpack it by hand and look at it',
  },

  // one tar
  TAR_INCOMPLETE: {
    cause: 'incomplete',
    retry: 'never',
    exit: 1,
    remedy: 'send the tar again; it is taken up by itself when it changes',
  },
  TAR_CORRUPT: {
    cause: 'corrupt',
    retry: 'never',
    exit: 1,
    remedy: 'send the tar again; it is taken up by itself when it changes',
  },
  TAR_UNSUPPORTED: {
    cause: 'unsupported',
    retry: 'never',
    exit: 1,
    remedy: 'send plain tar, tar.gz or tar.zst',
  },
  TAR_TOO_LARGE: {
    cause: 'limits',
    retry: 'never',
    exit: 1,
    remedy: 'raise the named extract limit if the tar is genuine, then re-queue it',
  },
  PLACE_TAKEN: { cause: 'conflict', retry: 'this one', exit: 1, remedy: 'it is tried again by itself' },
  TAR_CHANGED: {
    cause: 'changed',
    retry: 'this one',
    exit: 1,
    remedy: 'it changed while it was read; tried again by itself',
  },
  TAR_MISSING: {
    cause: 'missing',
    retry: 'this one',
    exit: 1,
    remedy: 'it vanished from the landing directory; send it again',
  },
  TAR_POISON: {
    cause: 'poison',
    retry: 'never',
    exit: 1,
    remedy: 'the extract worker died every time it had this tar: look at its log',
  },
  FILE_UNREADABLE: {
    cause: 'unreadable',
    retry: 'this one',
    exit: 1,
    remedy: 'check the permissions and the disk',
  },
  TAR_NEEDS_ROOM: {
    cause: 'disk',
    retry: 'when there is room',
    exit: 1,
    remedy: 'free disk space (or inodes), or lower extract.minFreeBytes; it is extracted by itself then',
  },
  TAR_OUTSIDE: { cause: 'outside', retry: 'never', exit: 1, remedy: 'give each host its own site name' },
  TAR_NAME_RESERVED: { cause: 'refused', retry: 'never', exit: 1, remedy: 'move the tar to another path' },
  HOST_FAILING: { cause: 'host', retry: 'when there is room', exit: 1, remedy: 'mend what it names' },
  DISK_FULL: {
    cause: 'disk',
    retry: 'when there is room',
    exit: 1,
    remedy: 'free disk space (or inodes); extraction goes on by itself',
  },

  PATH_UNSAFE: {
    cause: 'unsafe',
    retry: 'this one',
    exit: 1,
    remedy:
      'let only root and the user of wavspool write to the named directory, or run wavspool as its owner',
  },

  // a database and its copies
  DATABASE_MISSING: {
    cause: 'missing',
    retry: 'this one',
    exit: 1,
    remedy: 'correct the path in the settings, or mount the disk that it lies on',
  },
  DATABASE_BUSY: {
    cause: 'locked',
    retry: 'this one',
    exit: 1,
    remedy: 'find the program that holds the lock (fuser, lsof) and let it end its transaction',
  },
  DATABASE_IN_USE: {
    cause: 'running',
    retry: 'never',
    exit: 1,
    remedy: 'stop these programs first, or say --yes: they see the restored content at once',
  },
  DATABASE_HELD: {
    cause: 'running',
    retry: 'never',
    exit: 1,
    remedy: 'stop these programs first: no file is replaced under a program that has it open',
  },
  DATABASE_DAMAGED: {
    cause: 'damaged',
    retry: 'never',
    exit: 1,
    remedy: 'the database itself is damaged: "wavspool restore" brings back its last good snapshot',
  },
  DATABASE_UNUSABLE: {
    cause: 'database',
    retry: 'this one',
    exit: 1,
    remedy: 'check its permissions, those of its directory, and its disk',
  },
  COPY_IN_THE_WAY: {
    cause: 'settings',
    retry: 'never',
    exit: 2,
    remedy: 'give "file" of that schedule a name that no database has, or "dir" a directory of its own',
  },
  SNAPSHOT_BAD: {
    cause: 'damaged',
    retry: 'never',
    exit: 1,
    remedy: 'do not restore it: choose another snapshot; look at the disk that it lay on',
  },
  SNAPSHOT_OTHER: {
    cause: 'other',
    retry: 'never',
    exit: 1,
    remedy: 'choose a copy of this very database: "wavspool snapshots list" shows them',
  },
  SNAPSHOT_UNKNOWN: {
    cause: 'missing',
    retry: 'never',
    exit: 2,
    remedy: '"wavspool snapshots list" shows what there is',
  },

  JOB_RUNNING: {
    cause: 'running',
    retry: 'this one',
    exit: 1,
    remedy: 'wait until it is done; "wavspool status" shows what runs',
  },
  LEASE_LOST: { cause: 'running', retry: 'this one', exit: 1, remedy: 'none: another host does it' },

  // table exports
  TABLE_UNKNOWN: {
    cause: 'settings',
    retry: 'never',
    exit: 2,
    remedy: 'correct "tables" of the export in the settings: the message lists the tables there are',
  },
  EXPORT_BAD: {
    cause: 'export',
    retry: 'this one',
    exit: 1,
    remedy:
      'the export was thrown away: its message says what did not come back; a snapshot keeps the whole database',
  },

  // directory mirrors
  MIRROR_SOURCE: {
    cause: 'source',
    retry: 'this one',
    exit: 1,
    remedy: 'mount the disk of the source, or correct mirrors[].source',
  },
  MIRROR_DIRECTORY: {
    cause: 'mirror',
    retry: 'this one',
    exit: 1,
    remedy: 'put right what is wrong in mirrors[].dir: the message says what',
  },
  MIRROR_FAILED: {
    cause: 'mirror',
    retry: 'this one',
    exit: 1,
    remedy: 'put right what rsync complains about; "latest" and all earlier mirrors are as they were',
  },

  // a log and its rotation
  LOG_MISSING: {
    cause: 'missing',
    retry: 'this one',
    exit: 1,
    remedy: 'correct the path in the settings, or say missingok: true',
  },
  LOG_UNUSABLE: {
    cause: 'log',
    retry: 'this one',
    exit: 1,
    remedy: 'no line is lost; check what the log is, its permissions and attributes (lsattr), and its disk',
  },
  LOG_LOCKED: {
    cause: 'locked',
    retry: 'this one',
    exit: 1,
    remedy: 'wait until the other process has rotated it; "fuser" on the lock file names it',
  },
  ARCHIVE_TAKEN: {
    cause: 'conflict',
    retry: 'this one',
    exit: 1,
    remedy: 'move the named archive aside, or put a time of day into dateformat or file',
  },
  ROTATION_STATE_DAMAGED: {
    cause: 'damaged',
    retry: 'this one',
    exit: 1,
    remedy: 'remove the named file; at worst the next archive repeats the lines that the log begins with',
  },

  UNKNOWN: {
    cause: 'unknown',
    retry: 'this one',
    exit: 1,
    remedy: 'this is a fault of wavspool: report it with the log lines around it',
  },
} as const satisfies Record<string, Fault>;
