import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Identity } from '../auth.ts';
import type { Context } from '../context.ts';
import { hostOnly, siteOfLedger } from './site-of-ledger.ts';

/** Sites of the ledger, each opened when it is first asked of. */
interface OpenSites {
  /** The names of all that the ledger has, at most ten seconds old. Throws LEDGER_AWAY. */
  names(): Promise<readonly string[]>;
  /** Throws SITE_UNASKED and LEDGER_AWAY. */
  api(site: string): Promise<FastifyInstance>;
  /** Says who asks, before a request is handed to an api. */
  admit(request: FastifyRequest): void;
  close(): Promise<void>;
}

/** Its history is only read here: nothing is noted as a host of it. */
const OF_NO_HOST = '';
/** A site that has just begun is not known for so long. */
const FRESH_MS = 10_000;

/** Opens nothing yet. */
export function openSites({ clock, ledgerSites }: Context): OpenSites {
  const asking = new WeakMap<object, Identity>();
  const opened = new Map<
    string,
    Promise<{ readonly api: FastifyInstance; readonly close: () => Promise<void> }>
  >();
  let seen: { readonly at: number; readonly names: Promise<readonly string[]> } | undefined;
  const open = async (site: string) => {
    if (ledgerSites === undefined) throw hostOnly(site);
    const { deps, close } = await ledgerSites.open(site);
    const { shared } = deps.ledger;
    if (shared === undefined) throw hostOnly(site);
    const api = await siteOfLedger(deps, shared.history(OF_NO_HOST), (server) => {
      server.decorateRequest('who', undefined);
      server.addHook('onRequest', async (request) => {
        request.who = asking.get(request.raw) ?? { by: 'token', may: 'act' }; // our own questions
      });
    });
    return { api, close };
  };
  return {
    names: () => {
      const at = clock.monotonicMs();
      if (seen === undefined || at - seen.at > FRESH_MS) {
        const names = ledgerSites?.list() ?? Promise.resolve([]);
        names.catch(() => {
          seen = undefined; // who asks hears why, and the next one asks again
        });
        seen = { at, names };
      }
      return seen.names;
    },
    api: async (site) => {
      const known = opened.get(site) ?? open(site);
      opened.set(site, known);
      try {
        return (await known).api;
      } catch (error) {
        opened.delete(site);
        throw error;
      }
    },
    admit: ({ raw, who }) => {
      if (who !== undefined) asking.set(raw, who);
    },
    close: async () => {
      for (const one of opened.values()) {
        const { api, close } = await one;
        await api.close();
        await close();
      }
    },
  };
}
