import { messageOf } from '../../../domain/faults.ts';
import type { Clock } from '../../runtime/index.ts';
import { schemaInMemory, type SchemaObject, type Sqlite, type Write } from '../../sqlite/index.ts';
import { storeMethods } from './methods.ts';
import { foreign, migrate } from './schema.ts';

const TAR = { path: '/try-out/a.tar', size: 1, mtimeMs: 1 };
/** Three recordings, whatever the owner's columns make of letters and spaces. */
const PATHS = ['/try-out/a.wav', '/try-out/A.wav', '/try-out/a.wav '] as const;
const WAV = { valid: true, durationMs: 1, codec: 'pcm', sampleRate: 8000, channels: 1 };

/** At once, so that what it throws is thrown here. */
const write: Write = (change) => Promise.resolve(change());

/**
 * Does once what wavspool does with its tables, on tables in memory that are like these. An owner's NOT NULL column, a key of
 * another kind, a check or a trigger would else stop each new tar. Throws STATE_FOREIGN with SQLite's reason.
 */
export function tryOut(objects: readonly SchemaObject[], path: string, clock: Clock): void {
  let db: Sqlite | undefined;
  try {
    db = schemaInMemory(objects, ['extracted_tars', 'uploads']);
    migrate(db);
    carryOneTar(db, clock);
  } catch (error) {
    throw foreign(path, messageOf(error), { cause: error });
  } finally {
    db?.close();
  }
}

function carryOneTar(db: Sqlite, clock: Clock): void {
  const state = storeMethods(db, write, clock, 5);
  void state.markTarFailed(TAR, { cause: 'corrupt', message: 'tried out', retryCount: 0 });
  const extraction = state.beginExtraction(TAR);
  for (const path of PATHS)
    extraction.stage({ member: path, relativePath: path, temporary: path, size: 1, sha256: path, wav: WAV });
  extraction.refuse({ path: `${TAR.path}#b`, member: 'b', reason: 'tried out' });
  for (const { seq, recording } of extraction.staged()) extraction.place(seq, recording.member);
  void extraction.commit({ sha256: 'a', skipped: 0, refused: 1, batchSize: () => 2 });
  if (state.openRecordings(0, 9).length !== PATHS.length)
    throw new Error('its table uploads takes different paths for one, or does not keep every row');
  const [first, second] = PATHS;
  void state.markFailed(first, { cause: 'network', message: 'tried out', retryCount: 0 });
  void state.requeue([first]);
  for (const path of PATHS)
    void state.markSuccess(path, { key: path, size: 1, sha256: path, etag: path, versionId: undefined });
  void state.reopen(second);
  const { PENDING, SUCCESS, extractedTars } = state.counts();
  if (PENDING !== 1 || SUCCESS !== PATHS.length - 1 || extractedTars !== 1)
    throw new Error('its tables do not keep what is written to them');
}
