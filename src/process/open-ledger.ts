import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Report } from '../domain/events.ts';
import { WavspoolError, messageOf } from '../domain/faults.ts';
import type { Ledger } from '../domain/ledger.ts';
import { networkLedger, type PostgresAddress, type Settings } from '../platform/config/index.ts';
import { whyAway } from '../platform/linux/index.ts';
import { systemClock, systemRandom } from '../platform/runtime/index.ts';
import { takeSharedLock, type ExclusiveLock } from '../platform/sqlite/index.ts';
import {
  openPostgresLedger,
  openSqliteLedger,
  stateLockFile,
  type PostgresLedgerOptions,
} from '../platform/state/index.ts';

/** Opens the ledger that the settings name: on PostgreSQL, or the file `paths.state`. Throws a fault of either. */
export async function openLedger(settings: Settings, report: Report): Promise<Ledger> {
  const address = networkLedger(settings);
  return address === undefined
    ? openStateFile(settings, report)
    : openPostgresLedger({ ...(await postgresOptions(settings, address)), report });
}

/** What a site's part of a ledger on PostgreSQL is opened with. */
async function postgresOptions(
  settings: Settings,
  address: PostgresAddress,
): Promise<Omit<PostgresLedgerOptions, 'report'>> {
  const { site, s3, paths, upload } = settings;
  const { recordingKeys } = await import('../ingest/upload/index.ts');
  const layout = { site, prefix: s3.prefix, incoming: paths.incoming, extracted: paths.extracted };
  return {
    address,
    site,
    store: bucketName(s3),
    maxRetries: upload.maxRetries,
    clock: systemClock,
    random: systemRandom,
    keysOf: (row, sha256) => recordingKeys(layout, row, sha256),
  };
}

/** The same for every site that puts into one bucket of one store. */
export function bucketName({ endpoint, region, bucket }: Settings['s3']): string {
  return `${endpoint === undefined ? `aws ${region}` : new URL(endpoint).host}/${bucket}`;
}

/** In the empty directory that a disk leaves behind no new `state.db` is begun. */
async function openStateFile(settings: Settings, report: Report): Promise<Ledger> {
  const { maxRetries } = settings.upload;
  const { state, data } = settings.paths;
  const away = whyAway(dirname(state), data);
  if (away !== undefined) throw new WavspoolError('STATE_UNUSABLE', away);
  const hold = holdState(data, state);
  try {
    const options = { file: state, maxRetries, clock: systemClock, random: systemRandom, report };
    const ledger = await openSqliteLedger(options);
    return {
      ...ledger,
      close: async () => {
        await ledger.close();
        hold.release();
      },
    };
  } catch (error) {
    hold.release();
    throw error;
  }
}

/** While it is held, no restore puts another file in the place of `state.db`, from whichever container. Throws STATE_UNUSABLE. */
function holdState(data: string, state: string): ExclusiveLock {
  let hold: ExclusiveLock | undefined;
  try {
    mkdirSync(data, { recursive: true, mode: 0o750 });
    hold = takeSharedLock(stateLockFile(data));
  } catch (error) {
    const message = `${stateLockFile(data)} cannot be used: ${messageOf(error)}`;
    throw new WavspoolError('STATE_UNUSABLE', message, { cause: error });
  }
  if (hold !== undefined) return hold;
  throw new WavspoolError('STATE_UNUSABLE', `${state} is being restored (${stateLockFile(data)} is locked)`);
}
