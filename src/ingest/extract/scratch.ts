import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import type { NewRecording, RecordingSource, RefusedRecording, WavFacts } from '../../domain/recording.ts';
import type { TakenRecordings } from '../../domain/tar.ts';
import { isHostFault, openNameless, type Sqlite } from '../../platform/sqlite/index.ts';

/** A recording that was read from a tar: it lies complete, synced, under a temporary name, or stays where it is in the tar. */
export interface StagedRecording extends Omit<NewRecording, 'path'> {
  /** Its path below the tar's directory, as extraction would name it: `a/b.wav`. */
  readonly relativePath: string;
  /** Undefined where it stays in the tar. */
  readonly temporary: string | undefined;
}

export interface Staged {
  /** From 1, in the order of the tar. */
  readonly seq: number;
  readonly recording: StagedRecording;
}

/** What one tar has come to so far: in memory while it is little, on disk beyond, so that memory does not grow with the tar. */
export interface Scratch {
  stage(recording: StagedRecording): void;
  refuse(recording: RefusedRecording): void;
  /** Everything staged, in its order, in pages; `place` may be called while they are walked. */
  staged(): Iterable<readonly Staged[]>;
  /** The temporary file of every staged recording; it needs no room on disk, so that it serves when there is none. */
  temporaries(): Iterable<string>;
  /** Says where the staged recording ended, as an absolute path. */
  place(seq: number, path: string): void;
  /** The SHA-256 of the recording of this tar that was placed at `path`; undefined: none was, or a file tells. */
  placedAt(path: string): string | undefined;
  /** The recordings in their places, in pages, each path once; to be walked as often as needed. */
  placed(): Iterable<readonly NewRecording[]>;
  refused(): readonly RefusedRecording[];
  taken(): TakenRecordings;
  /** Forgets all of it; the temporary files are the caller's. */
  discard(): void;
}

const PAGE = 500;
/** So many are kept in memory, a few MB of it. */
const IN_MEMORY = 2000;

interface Entry extends Staged {
  path: string | undefined;
}

/** An empty scratch. `inMemory`: what is more goes to a file without a name in the system's temporary directory. */
export function openScratchOfTar(inMemory = IN_MEMORY): Scratch {
  const refused: RefusedRecording[] = [];
  const taken = { recordings: 0, bytes: 0 };
  let disk: Disk | undefined;
  let onDisk = 0;
  let recent: Entry[] = [];
  const recentlyPlaced = new Map<string, string>();
  let isAnyInTar = false; // else the files themselves tell which names are taken

  const spill = (): void => {
    disk ??= openDisk();
    disk.add(recent);
    onDisk += recent.length;
    recent = [];
  };

  return {
    stage: (recording) => {
      taken.recordings += 1;
      taken.bytes += recording.size;
      isAnyInTar ||= recording.temporary === undefined;
      recent.push({ seq: taken.recordings, recording, path: undefined });
      if (recent.length >= inMemory) spill();
    },
    refuse: (recording) => void refused.push(recording),
    *staged() {
      if (disk !== undefined) yield* disk.staged();
      yield* pagesOf(recent);
    },
    *temporaries() {
      for (const { recording } of recent) if (recording.temporary !== undefined) yield recording.temporary;
      if (disk !== undefined)
        for (const page of disk.staged())
          for (const { recording } of page) if (recording.temporary !== undefined) yield recording.temporary;
    },
    place: (seq, path) => {
      const entry = recent[seq - onDisk - 1];
      if (entry === undefined) disk?.place(seq, path);
      else {
        entry.path = path;
        if (isAnyInTar) recentlyPlaced.set(path, entry.recording.sha256);
      }
    },
    placedAt: (path) => (isAnyInTar ? (recentlyPlaced.get(path) ?? disk?.placedAt(path)) : undefined),
    *placed() {
      if (disk !== undefined) yield* disk.placed();
      const rows = new Map<string, NewRecording>();
      for (const { path, recording } of recent)
        if (path !== undefined && !rows.has(path) && disk?.has(path) !== true)
          rows.set(path, placedRecording(path, recording));
      yield* pagesOf([...rows.values()]);
    },
    refused: () => [...new Map(refused.map((one) => [one.path, one])).values()],
    taken: () => ({ ...taken }),
    discard: () => {
      disk?.close();
      disk = undefined;
      recent = [];
    },
  };
}

function* pagesOf<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += PAGE) yield rows.slice(at, at + PAGE);
}

function placedRecording(path: string, { member, size, sha256, wav, source }: StagedRecording): NewRecording {
  return { path, member, size, sha256, wav, source };
}

interface Disk {
  readonly add: (entries: readonly Entry[]) => void;
  readonly staged: () => Iterable<readonly Staged[]>;
  readonly place: (seq: number, path: string) => void;
  readonly placed: () => Iterable<readonly NewRecording[]>;
  readonly has: (path: string) => boolean;
  readonly placedAt: (path: string) => string | undefined;
  readonly close: () => void;
}

interface StagedRecord {
  seq: number;
  member: string;
  relative_path: string;
  temporary: string | null;
  size: number;
  sha256: string;
  wav: string;
  source: string | null;
  path: string;
}

const TABLE = `
CREATE TABLE staged (seq INTEGER PRIMARY KEY, member TEXT, relative_path TEXT, temporary TEXT, size INTEGER, sha256 TEXT, wav TEXT, source TEXT);
CREATE TABLE places (path TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID;
CREATE UNIQUE INDEX place_of ON places (seq);`;

function openDisk(): Disk {
  const db = guarded(() => {
    const opened = openNameless();
    opened.exec(TABLE);
    return opened;
  });
  const add = db.prepare('INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const page = db.prepare('SELECT * FROM staged WHERE seq > ? ORDER BY seq LIMIT ?');
  const placed = db.prepare(
    'SELECT staged.*, path FROM places JOIN staged USING (seq) WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  const places = openPlaces(db);

  function* walk<T>(statement: typeof page, rowOf: (record: StagedRecord) => T): Generator<readonly T[]> {
    for (let after = 0; ;) {
      const records = guarded(() => statement.all(after, PAGE) as StagedRecord[]);
      const last = records.at(-1);
      if (last === undefined) return;
      yield records.map(rowOf);
      after = last.seq;
    }
  }

  return {
    add: (entries) =>
      guarded(
        db.transaction(() => {
          for (const { seq, recording } of entries) {
            const { member, relativePath, temporary, size, sha256, wav, source } = recording;
            const where = source === undefined ? null : JSON.stringify(source);
            add.run(seq, member, relativePath, temporary ?? null, size, sha256, JSON.stringify(wav), where);
          }
        }),
      ),
    staged: () => walk(page, (record) => ({ seq: record.seq, recording: stagedRecording(record) })),
    *placed() {
      guarded(places.flush);
      yield* walk(placed, (record) => placedRecording(record.path, stagedRecording(record)));
    },
    place: places.place,
    has: places.has,
    placedAt: places.placedAt,
    close: () => db.close(),
  };
}

/** Which paths were given to which recordings of the `staged` table. */
function openPlaces(db: Sqlite): Pick<Disk, 'place' | 'has' | 'placedAt'> & { readonly flush: () => void } {
  const place = db.prepare('INSERT OR IGNORE INTO places (path, seq) VALUES (?, ?)');
  const has = db.prepare('SELECT 1 FROM places WHERE path = ?');
  const at = db.prepare('SELECT sha256 FROM places JOIN staged USING (seq) WHERE path = ?').pluck();
  const hashOf = db.prepare('SELECT sha256 FROM staged WHERE seq = ?').pluck();
  /** Placed, and not in the table yet: a commit for each would walk all of SQLite's pages each time. */
  const unwritten = new Map<string, number>();
  const write = db.transaction(() => {
    for (const [path, seq] of unwritten) place.run(path, seq);
  });
  const flush = (): void => {
    if (unwritten.size > 0) write();
    unwritten.clear();
  };
  return {
    flush,
    place: (seq, path) => {
      if (!unwritten.has(path)) unwritten.set(path, seq);
      if (unwritten.size >= PAGE) guarded(flush);
    },
    has: (path) => unwritten.has(path) || guarded(() => has.get(path) !== undefined),
    placedAt: (path) =>
      guarded(() => {
        const seq = unwritten.get(path);
        return (seq === undefined ? at.get(path) : hashOf.get(seq)) as string | undefined;
      }),
  };
}

function stagedRecording(record: StagedRecord): StagedRecording {
  const { member, relative_path: relativePath, size, sha256 } = record;
  return {
    member,
    relativePath,
    temporary: record.temporary ?? undefined,
    size,
    sha256,
    wav: wavFacts(record.wav),
    source: record.source === null ? undefined : sourceOf(record.source),
  };
}

function sourceOf(json: string): RecordingSource {
  const { tar, offset } = JSON.parse(json) as RecordingSource;
  return { tar, offset };
}

function wavFacts(json: string): WavFacts {
  const { valid, durationMs, codec, sampleRate, channels } = JSON.parse(json) as WavFacts;
  return { valid, durationMs, codec, sampleRate, channels };
}

/** What the disk does to the scratch is the host's trouble, and no tar's. */
function guarded<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!isHostFault(error)) throw error;
    const isFull = errnoOf(error) === 'SQLITE_FULL';
    const said = isFull
      ? 'the disk of temporary files is full'
      : `temporary files cannot be written: ${messageOf(error)}`;
    throw new WavspoolError(isFull ? 'DISK_FULL' : 'HOST_FAILING', said, { cause: error });
  }
}
