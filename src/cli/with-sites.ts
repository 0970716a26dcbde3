import type { Command } from 'commander';
import { FAULTS, WavspoolError, faultCode, type FaultCode } from '../domain/faults.ts';
import { ALL_SITES, askedSites, type AskedSite } from '../process/sites.ts';
import { settingsOfCommand, type Called } from '../process/app.ts';
import type { Settings } from '../platform/config/index.ts';
import type { SiteApi } from '../operate/sites/index.ts';
import { globalOptions } from './global-options.ts';
import { printJson, printLines } from './output.ts';
import { calledWith, endWith } from './surroundings.ts';

/** What a command has to say of one site. */
export interface Said {
  /** 3: a part of the answer could not be had. */
  readonly code: 0 | 1 | 3;
  /** For `--json`; absent where it is printed already. */
  readonly document?: object;
  /** Says it to people; absent where it is said already. */
  readonly print?: () => void;
}

/** What a command is asked for, beside the site. */
export interface Asked extends AskedSite {
  readonly json: boolean;
  /** One document stands for all sites: nothing may be printed before it. */
  readonly isOneOfAll: boolean;
}

/** A site that could not be asked, or that has nothing of what was asked for. */
interface Unsaid extends AskedSite {
  readonly fault: WavspoolError;
}

/** Faults of one site among several: the others answer all the same. */
const OF_ONE_SITE: ReadonlySet<FaultCode> = new Set<FaultCode>(['USAGE', 'SITE_UNASKED', 'SITE_AWAY']);

/** Offers `--site` on a command that {@link withSites} runs. */
export function siteOption(command: Command): Command {
  return command.option(
    '--site <name>',
    'another site: of the ledger, or of "sites" in the settings; or "all"',
  );
}

/** How a site is asked through its own API. */
export interface Remote {
  readonly say: (api: SiteApi, asked: Asked, settings: Settings) => Promise<Said>;
  /** What only its host knows is a part of it: the ledger is asked when that host is not there. */
  readonly isOfHost: boolean;
}

/**
 * Runs `say` with an open app for each site that `--site` names, this host's own without it, and prints what it says: with "all" as
 * `{sites: [{site, …}]}`; `remote` asks a site that the ledger does not tell of. Exit 3 when one could not be asked, 1 when one of them has it; with `sum: 'any'`, 0 when one of them has 0.
 * A word that fits in none of them is USAGE. Throws WavspoolError.
 */
export async function withSites<A extends { close(): Promise<void> }>(
  command: Command,
  open: (called: Called) => Promise<A>,
  say: (app: A, asked: Asked) => Promise<Said>,
  remote: Remote,
  sum: 'every' | 'any' = 'every',
): Promise<void> {
  const { config, json } = globalOptions(command);
  const { site: wanted } = command.opts<{ site?: string }>();
  const called = calledWith({ config, json });
  const isOneOfAll = wanted === ALL_SITES;
  const told: ((Said & AskedSite) | Unsaid)[] = [];
  for (const asked of await askedSites(called, wanted)) {
    if (isOneOfAll && !json) printLines([`--- site ${asked.site}`]);
    const full = { ...asked, json, isOneOfAll };
    const one = await sayOne(full, remote, called, async () => {
      const app = await open({ ...called, site: asked.site });
      try {
        return await say(app, full);
      } finally {
        await app.close();
      }
    });
    if ('fault' in one && !isOneOfAll) throw one.fault;
    told.push({ ...one, ...asked });
    if (!json) printOne(one);
  }
  refuseWordOfNone(told);
  if (json) printJsonOf(told, isOneOfAll);
  endWith(codeOf(told, sum));
}

function printOne(one: Said | { readonly fault: WavspoolError }): void {
  if ('fault' in one)
    printLines([`${one.fault.code === 'USAGE' ? 'nothing' : 'NOT ASKED'}: ${one.fault.message}`]);
  else one.print?.();
}

/** Throws the fault of a word that fits in no site. */
function refuseWordOfNone(told: readonly ((Said & AskedSite) | Unsaid)[]): void {
  const faults = told.flatMap((one) => ('fault' in one ? [one.fault] : []));
  const [first] = faults;
  if (first?.code === 'USAGE' && faults.length === told.length) throw first;
}

async function sayOne(
  asked: Asked,
  remote: Remote,
  called: Called,
  local: () => Promise<Said>,
): Promise<Said | { readonly fault: WavspoolError }> {
  const { api, isInLedger, isElsewhere } = asked;
  try {
    if (api === undefined || !isElsewhere || (isInLedger && !remote.isOfHost)) return await local();
    try {
      return await remote.say(api, asked, settingsOfCommand(called).settings);
    } catch (error) {
      if (!isInLedger || faultCode(error) !== 'SITE_AWAY') throw error;
      return await local();
    }
  } catch (error) {
    if (error instanceof WavspoolError && OF_ONE_SITE.has(error.code)) return { fault: error };
    throw error;
  }
}

function printJsonOf(told: readonly ((Said & AskedSite) | Unsaid)[], isOneOfAll: boolean): void {
  if (!isOneOfAll) {
    for (const one of told) if ('document' in one && one.document !== undefined) printJson(one.document);
    return;
  }
  printJson({
    sites: told.map((one) => ({ site: one.site, ...('fault' in one ? unsaid(one.fault) : one.document) })),
  });
}

/** As the API tells a fault. */
function unsaid({ code, message }: WavspoolError): object {
  return { error: message, code, remedy: FAULTS[code].remedy };
}

function codeOf(told: readonly ((Said & AskedSite) | Unsaid)[], sum: 'every' | 'any'): 0 | 1 | 3 {
  const codes = told.flatMap((one): (0 | 1 | 3)[] =>
    'fault' in one ? (one.fault.code === 'USAGE' ? [] : [3]) : [one.code],
  );
  if (sum === 'any' && codes.includes(0)) return 0;
  return codes.includes(3) ? 3 : codes.includes(1) ? 1 : 0;
}
