import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { WavspoolError } from '../domain/faults.ts';
import {
  networkLedger,
  postgresAddress,
  type PostgresAddress,
  type Settings,
} from '../platform/config/index.ts';
import { systemClock, systemRandom } from '../platform/runtime/index.ts';
import { takeExclusiveLock } from '../platform/sqlite/index.ts';
import {
  copySite,
  postgresSiteRows,
  sqliteSiteRows,
  stateLockFile,
  type CopiedSite,
  type SiteRows,
} from '../platform/state/index.ts';
import { bucketName } from './open-ledger.ts';

/**
 * Copies the site's ledger to `to`, `sqlite:FILE` or an address of PostgreSQL, and compares the two. What is copied stays as it is.
 * Throws USAGE for another word, ALREADY_RUNNING while wavspool runs, LEDGER_SCHEMA where the tables are not made yet.
 */
export async function copyLedger(settings: Settings, to: string): Promise<CopiedSite> {
  const { data, state } = settings.paths;
  const file = /^sqlite:(?<file>[^?#\s]+)$/.exec(to)?.groups?.['file'];
  const address = postgresAddress(to);
  if (file === undefined && address === undefined)
    throw new WavspoolError('USAGE', '--to takes sqlite:FILE or postgres://user@host/database');
  mkdirSync(data, { recursive: true, mode: 0o750 });
  const lock = takeExclusiveLock(stateLockFile(data));
  if (lock === undefined)
    throw new WavspoolError('ALREADY_RUNNING', `${state} is in use: stop wavspool on every host of the site`);
  try {
    const here = networkLedger(settings);
    await using sides = new AsyncDisposableStack();
    const open = async (file: string, address: PostgresAddress | undefined): Promise<SiteRows> => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
      const side = address === undefined ? sqliteSiteRows(file) : await ofSite(settings, address);
      sides.defer(() => side.close());
      return side;
    };
    return await copySite(
      await open(state, here),
      await open(resolve(file?.replace(/^<data>/, data) ?? state), address),
    );
  } finally {
    lock.release();
  }
}

function ofSite({ site, s3 }: Settings, address: PostgresAddress): Promise<SiteRows> {
  return postgresSiteRows({ address, site, store: bucketName(s3), clock: systemClock, random: systemRandom });
}
