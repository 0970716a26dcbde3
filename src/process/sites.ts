import { WavspoolError } from '../domain/faults.ts';
import { ledgerName, nearestName, networkLedger } from '../platform/config/index.ts';
import { systemClock, systemRandom } from '../platform/runtime/index.ts';
import { sitesInPostgres } from '../platform/state/index.ts';
import { settingsOfCommand, type Called } from './app.ts';

/** A site that a command is about. */
export interface AskedSite {
  readonly site: string;
  /** Its directories and its files are on another host: what lies here under their paths is not theirs. */
  readonly isElsewhere: boolean;
}

/** What `--site` says for every site of the ledger. */
export const ALL_SITES = 'all';

/**
 * The sites that `wanted` names: this host's own unless it says another one of the ledger, or all of them. Throws USAGE for a site that the
 * ledger does not know, LEDGER_AWAY and LEDGER_SCHEMA.
 */
export async function askedSites(called: Called, wanted: string | undefined): Promise<readonly AskedSite[]> {
  const { settings } = settingsOfCommand(called);
  const own = { site: settings.site, isElsewhere: false };
  if (wanted === undefined || wanted === own.site) return [own];
  const address = networkLedger(settings);
  if (address === undefined) {
    if (wanted === ALL_SITES) return [own];
    const message = `--site ${wanted}: ${ledgerName(settings)} knows the site ${own.site} only; sites share a ledger on PostgreSQL (state.url)`;
    throw new WavspoolError('USAGE', message);
  }
  const found = await sitesInPostgres({ address, clock: systemClock, random: systemRandom });
  const sites = [...new Set([own.site, ...found])].toSorted();
  const asked = sites.map((site) => ({ site, isElsewhere: site !== own.site }));
  if (wanted === ALL_SITES) return asked;
  const one = asked.find(({ site }) => site === wanted);
  if (one !== undefined) return [one];
  const nearest = nearestName(wanted, sites);
  const hint = nearest === undefined ? `it knows ${sites.join(', ')}` : `did you mean ${nearest}?`;
  throw new WavspoolError('USAGE', `--site ${wanted}: the ledger has nothing of that site; ${hint}`);
}
