import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Report } from '../../../domain/events.ts';
import { WavspoolError, messageOf } from '../../../domain/faults.ts';
import type { Clock, Random } from '../../runtime/index.ts';
import {
  groupedWriter,
  isDamage,
  isHostFault,
  movedFault,
  openDatabase,
  peek,
  schemaOf,
  sqliteFault,
  whereabouts,
  type SchemaObject,
} from '../../sqlite/index.ts';
import { partsOf } from './methods.ts';
import { asPart, faultGuard } from './own-faults.ts';
import { normaliser } from './normalise.ts';
import { lookAt, migrate, type Found } from './schema.ts';
import type { Ledger } from '../../../domain/ledger.ts';
import { tryOut } from './try-out.ts';

export interface SqliteLedgerOptions {
  /** `paths.state`. */
  readonly file: string;
  /** `upload.maxRetries`: FAILED at this `retry_count` waits for an operator. */
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
}

/**
 * Opens `state.db`, makes it when it is not there, takes it over when another program made it. Several processes may have
 * it open. Throws STATE_UNUSABLE, STATE_DAMAGED or STATE_TOO_NEW, and STATE_FOREIGN for what it cannot take over, which stays as it is.
 */
export async function openSqliteLedger({
  file,
  maxRetries,
  clock,
  random,
  report,
}: SqliteLedgerOptions): Promise<Ledger> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new WavspoolError(
      'STATE_UNUSABLE',
      `the directory of ${file} cannot be made: ${messageOf(error)}`,
      { cause: error },
    );
  }
  const found = await lookBefore(file, clock);
  const db = openDatabase(file);
  const moved = whereabouts(file);
  try {
    db.pragma('busy_timeout = 5000'); // the one moment where waiting with the event loop blocked is right: nothing runs yet
    migrate(db);
    const normalise = normaliser(db, clock, maxRetries);
    const normalised = normalise.isDue() ? db.transaction(normalise.run).immediate() : undefined;
    if (found?.kind === 'another program’s')
      report('state taken over', { file, tars: found.tars, uploads: found.uploads });
    if (normalised !== undefined) report('rows put right', { file, ...normalised });
    db.pragma('busy_timeout = 50');
    const guard = faultGuard(file, clock);
    const write = guard.writing(groupedWriter(db, file, clock, random, moved));
    const parts = partsOf(db, write, clock, maxRetries);
    const others = {
      normalise: async () => {
        if (!normalise.isDue()) return;
        report('rows put right', { file, ...(await write(normalise.run)) });
      },
      close: () => void db.close(),
    };
    let movedSince: number | undefined;
    return {
      tars: asPart(parts.tars, guard),
      recordings: asPart(parts.recordings, guard),
      receipts: asPart(parts.receipts, guard),
      catalogue: asPart(parts.catalogue, guard),
      ...asPart<Pick<Ledger, 'normalise' | 'close'>>(others, guard),
      moved,
      trouble: () => {
        const gone = moved();
        movedSince = gone === undefined ? undefined : (movedSince ?? clock.now());
        if (gone === undefined || movedSince === undefined) return guard.trouble();
        return { code: 'STATE_UNUSABLE', message: messageOf(movedFault(file, gone)), since: movedSince };
      },
    };
  } catch (error) {
    db.close();
    throw isHostFault(error) ? sqliteFault(file, error) : error;
  }
}

/** Looks at the file before anything of it is changed, and tries out what another program made. */
async function lookBefore(file: string, clock: Clock): Promise<Found | undefined> {
  let seen: { readonly found: Found; readonly schema: readonly SchemaObject[] } | undefined;
  try {
    seen = peek(file, (db) => ({ found: lookAt(db, file), schema: schemaOf(db) }));
  } catch (error) {
    if (error instanceof WavspoolError) throw error;
    throw new WavspoolError(
      isDamage(error) ? 'STATE_DAMAGED' : 'STATE_UNUSABLE',
      `${file} cannot be opened as a SQLite database: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (seen?.found.kind === 'another program’s') await tryOut(seen.schema, file, clock);
  return seen?.found;
}
