import { afterAll, beforeAll } from 'vitest';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { migratePostgres, openPostgresLedger } from '../../src/platform/state/index.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';
import { exerciseLedger } from './exercise-ledger.ts';

let servers: PostgresServers;
beforeAll(async () => {
  servers = await startPostgres();
  await migratePostgres({ address: servers.address, clock: systemClock, random: systemRandom });
});
afterAll(() => servers[Symbol.asyncDispose]());

let stores = 0;
exerciseLedger('the ledger on PostgreSQL', () => {
  stores += 1;
  const name = `site-${stores}`;
  const options = {
    address: servers.address,
    site: name,
    store: name,
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
  };
  return Promise.resolve({
    open: () => openPostgresLedger(options),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
