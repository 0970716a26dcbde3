import { messageOf } from '../../../domain/faults.ts';
import type { Clock } from '../../runtime/index.ts';
import { schemaInMemory, type SchemaObject, type Sqlite, type Write } from '../../sqlite/index.ts';
import { partsOf } from './methods.ts';
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
export async function tryOut(objects: readonly SchemaObject[], path: string, clock: Clock): Promise<void> {
  let db: Sqlite | undefined;
  try {
    db = schemaInMemory(objects, ['extracted_tars', 'uploads']);
    migrate(db);
    await carryOneTar(db, clock);
  } catch (error) {
    throw foreign(path, messageOf(error), { cause: error });
  } finally {
    db?.close();
  }
}

async function carryOneTar(db: Sqlite, clock: Clock): Promise<void> {
  const { tars, recordings, catalogue } = partsOf(db, write, clock, 5);
  await tars.fail(TAR, { cause: 'corrupt', message: 'tried out', retryCount: 0 });
  await tars.commit(TAR, {
    recordings: [PATHS.map((path) => ({ path, member: path, size: 1, sha256: 'a', wav: WAV }))],
    refused: [{ path: `${TAR.path}#b`, member: 'b', reason: 'tried out' }],
    summary: {
      sha256: 'a',
      skipped: 0,
      refused: 1,
      recordings: PATHS.length,
      bytes: PATHS.length,
      batchSize: 2,
    },
  });
  const open = await recordings.openUnits({ limit: 9 });
  if (open.rows.flatMap(({ paths }) => paths).length !== PATHS.length)
    throw new Error('its table uploads takes different paths for one, or does not keep every row');
  const [first, second] = PATHS;
  await recordings.failed(first, { cause: 'network', message: 'tried out', retryCount: 0 });
  await recordings.requeue([first]);
  for (const path of PATHS)
    await recordings.stored(path, { key: path, size: 1, sha256: path, etag: path, versionId: undefined });
  await recordings.reopen(second);
  const { PENDING, SUCCESS, extractedTars } = await catalogue.counts();
  if (PENDING !== 1 || SUCCESS !== PATHS.length - 1 || extractedTars !== 1)
    throw new Error('its tables do not keep what is written to them');
}
