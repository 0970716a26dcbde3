import type { Command } from 'commander';
import { ALL_SITES, askedSites, type AskedSite } from '../process/sites.ts';
import type { Called } from '../process/app.ts';
import { globalOptions } from './global-options.ts';
import { printJson, printLines } from './output.ts';
import { calledWith, endWith } from './surroundings.ts';

/** What a command has to say of one site. */
export interface Said {
  readonly code: 0 | 1;
  /** For `--json`. */
  readonly document: object;
  /** Says it to people. */
  readonly print: () => void;
}

/** Offers `--site` on a command that {@link withSites} runs. */
export function siteOption(command: Command): Command {
  return command.option('--site <name>', 'another site of a ledger that sites share, or "all" of them');
}

/**
 * Runs `say` with an open app for each site that `--site` names, this host's own without it, and prints what it says: with "all" as
 * `{sites: [{site, …}]}`. Exit 1 when one of them has it. Throws WavspoolError.
 */
export async function withSites<A extends { close(): Promise<void> }>(
  command: Command,
  open: (called: Called) => Promise<A>,
  say: (app: A, asked: AskedSite) => Promise<Said>,
): Promise<void> {
  const { config, json } = globalOptions(command);
  const { site: wanted } = command.opts<{ site?: string }>();
  const called = calledWith({ config, json });
  const said: (Said & AskedSite)[] = [];
  for (const asked of await askedSites(called, wanted)) {
    const app = await open({ ...called, site: asked.site });
    try {
      said.push({ ...(await say(app, asked)), ...asked });
    } finally {
      await app.close();
    }
  }
  if (json && wanted === ALL_SITES)
    printJson({ sites: said.map(({ site, document }) => ({ site, ...document })) });
  for (const { site, document, print } of said) {
    if (json && wanted !== ALL_SITES) printJson(document);
    if (json) continue;
    if (wanted === ALL_SITES) printLines([`--- site ${site}`]);
    print();
  }
  endWith(said.some(({ code }) => code === 1) ? 1 : 0);
}
