import { WavspoolError } from '../domain/faults.ts';
import {
  isEmbeddedRedis,
  ledgerName,
  nearestName,
  networkLedger,
  type Settings,
} from '../platform/config/index.ts';
import { openSiteApi, type SiteApi } from '../operate/sites/index.ts';
import { systemClock, systemRandom } from '../platform/runtime/index.ts';
import { sitesInPostgres } from '../platform/state/index.ts';
import { settingsOfCommand, type Called } from './app.ts';

/** A site that a command is about. */
export interface AskedSite {
  readonly site: string;
  /** Its directories and its files are on another host: what lies here under their paths is not theirs. */
  readonly isElsewhere: boolean;
  /** Its rows can be read from here. */
  readonly isInLedger: boolean;
  /** How it is asked itself, where `sites` says so. */
  readonly api: SiteApi | undefined;
}

/** What `--site` says for every site that is known. */
export const ALL_SITES = 'all';

/**
 * The sites that `wanted` names: this host's own unless it says another one of the ledger or of `sites`, or all of them. Throws USAGE for one
 * that neither knows, LEDGER_AWAY and LEDGER_SCHEMA.
 */
export async function askedSites(called: Called, wanted: string | undefined): Promise<readonly AskedSite[]> {
  const { settings } = settingsOfCommand(called);
  const own: AskedSite = { site: settings.site, isElsewhere: false, isInLedger: true, api: undefined };
  if (wanted === undefined || wanted === own.site) return [own];
  const apis = new Map(settings.sites.map((entry) => [entry.name, openSiteApi(entry)]));
  if (apis.size === 0 && wanted !== ALL_SITES && networkLedger(settings) === undefined) {
    const message = `--site ${wanted}: ${ledgerName(settings)} knows the site ${own.site} only; sites share a ledger on PostgreSQL (state.url), or are named in "sites"`;
    throw new WavspoolError('USAGE', message);
  }
  const inLedger = await sitesOfLedger(settings);
  const names = [...new Set([own.site, ...inLedger, ...apis.keys()])].toSorted();
  const asked = names.map((site): AskedSite => {
    const api = apis.get(site);
    return site === own.site ? own : { site, isElsewhere: true, isInLedger: inLedger.includes(site), api };
  });
  if (wanted === ALL_SITES) return asked;
  const one = asked.find(({ site }) => site === wanted);
  if (one !== undefined) return [one];
  const nearest = nearestName(wanted, names);
  const hint = nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`;
  throw new WavspoolError(
    'USAGE',
    `--site ${wanted}: neither the ledger nor "sites" knows that site; ${hint}`,
  );
}

/** Throws SITE_UNASKED where another site's queues and roles are not in the Redis that these settings name. */
export function requireSharedRedis({ site, redis }: Pick<Settings, 'site' | 'redis'>): void {
  if (!isEmbeddedRedis(redis)) return;
  throw new WavspoolError(
    'SITE_UNASKED',
    `--site ${site}: its roles are not seen in this host's embedded Redis; the sites have to share a Redis (redis.url)`,
  );
}

/** The sites that a ledger on PostgreSQL has rows of; none where it is a file. Throws LEDGER_AWAY and LEDGER_SCHEMA. */
export async function sitesOfLedger(settings: Settings): Promise<readonly string[]> {
  const address = networkLedger(settings);
  if (address === undefined) return [];
  return sitesInPostgres({ address, clock: systemClock, random: systemRandom });
}
