import { resolve } from 'node:path';
import { POSTGRES_ADDRESS, postgresAddress, shownAddress, type PostgresAddress } from './postgres-address.ts';
import type { Secret } from './secret.ts';

/** What `state.url` may be. */
export const LEDGER_ADDRESS = `sqlite:FILE, which is paths.state, or ${POSTGRES_ADDRESS}`;

const SQLITE = /^sqlite:(?<file>[^?#\s]+)$/;

/** What of the settings says where the ledger is. */
interface LedgerSettings {
  readonly state: { readonly url?: Secret | undefined };
}

interface StatePaths {
  readonly data: string;
  readonly state: string;
}

/** Whether an address can be used as it stands. */
export function isLedgerAddress(text: string): boolean {
  return SQLITE.test(text) || postgresAddress(text) !== undefined;
}

/** Whether the ledger is the file that `paths.state` names. Undefined: it may be, for all that `state.url` says. */
export function isStateFile(url: string | undefined, { data, state }: StatePaths): boolean {
  const file = SQLITE.exec(url ?? '')?.groups?.['file'];
  return file === undefined || resolve(file.replace(/^<data>/, data)) === state;
}

/** Where the ledger on PostgreSQL is, and its password; undefined where the ledger is the SQLite file `paths.state`. */
export function networkLedger({ state }: LedgerSettings): PostgresAddress | undefined {
  return state.url === undefined ? undefined : postgresAddress(state.url.reveal());
}

/** The ledger, for people: its file, or its address without the password. */
export function ledgerName(settings: LedgerSettings & { readonly paths: StatePaths }): string {
  const address = networkLedger(settings);
  return address === undefined ? settings.paths.state : shownAddress(address);
}
