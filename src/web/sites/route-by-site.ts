import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FAULTS, faultCode, WavspoolError, type FaultCode } from '../../domain/faults.ts';
import { nearestName } from '../../platform/config/index.ts';
import { openSiteApi, type SiteApi, type SiteQuestion } from '../../operate/sites/index.ts';
import type { Context } from '../context.ts';
import { routeOf } from '../replies.ts';
import { keepReached } from './asked-site.ts';
import { overAll } from './over-all.ts';
import { openSites } from './open-sites.ts';
import { passOn } from './pass-on.ts';

/** What the ledger and the bucket tell of a site, whether its host lives or not. */
const FROM_LEDGER = /^\/api\/(?:uploads|tars|recordings|failures|find|fetch|rates)(?:\/|$)/;
/** What its host tells best, and the ledger while that is away. */
const OF_HOST_OR_LEDGER = /^\/api\/(?:status|events|history)(?:\?|$)/;
const ALL = 'all';
/** A canary, a verification: longer than a question may take. */
const WORK_MS = 120_000;

/**
 * Answers `?site=NAME` for another site and `?site=all`: from the ledger where the site shares it, through its own API where `sites` names
 * one and only its host can tell, and with SITE_UNASKED or SITE_AWAY where none can. `GET /api/sites` names them all.
 */
export function routeBySite(server: FastifyInstance, context: Context): void {
  const every = openEverySite(server, context);
  server.addHook('onClose', () => every.close());
  server.get('/api/sites', async () => ({
    own: context.settings.site,
    rows: (await every.names()).map((site) => ({ site })),
    next: null,
  }));
  server.addHook('onRequest', async (request, reply) => {
    const { site, ...rest } = request.query as Readonly<Record<string, unknown>>;
    if (site === undefined || !routeOf(request.url).startsWith('/api/')) return undefined;
    request.query = rest;
    if (site === context.settings.site) return undefined;
    if (site === ALL && request.method === 'GET') return reply.send(await every.all(questionOf(request)));
    if (site === ALL) return undefined; // its body is not read yet
    if (typeof site !== 'string') throw new WavspoolError('USAGE', 'site: one site, or all');
    return every.pass(site, request, reply);
  });
  server.addHook('preHandler', async (request, reply) => {
    const asked = new URLSearchParams(request.url.split('?')[1] ?? '').get('site');
    if (asked !== ALL || request.method === 'GET' || !routeOf(request.url).startsWith('/api/'))
      return undefined;
    return reply.send(await every.all(questionOf(request)));
  });
}

/** The question behind a request, without its site. */
function questionOf({ method, url, body }: FastifyRequest): SiteQuestion {
  return {
    method: method === 'GET' ? 'GET' : 'POST',
    path: withoutSite(url),
    ...(typeof body === 'object' && body !== null && { body }),
  };
}

function withoutSite(url: string): string {
  const [path = '', text = ''] = url.split('?', 2);
  const query = new URLSearchParams(text);
  query.delete('site');
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

interface EverySite {
  names(): Promise<readonly string[]>;
  all(question: SiteQuestion): Promise<object>;
  pass(site: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
  close(): Promise<void>;
}

function openEverySite(server: FastifyInstance, context: Context): EverySite {
  const { settings, clock, token } = context;
  const own = settings.site;
  const apis = new Map(settings.sites.map((entry) => [entry.name, openSiteApi(entry)]));
  const reached = keepReached(clock);
  const ledger = openSites(context);
  /** Its API where only its host can tell, undefined where the ledger can. Throws USAGE for a site that is not known. */
  const apiFor = async (site: string, path: string): Promise<SiteApi | undefined> => {
    const api = apis.get(site);
    if (api !== undefined && !FROM_LEDGER.test(routeOf(path))) return api;
    const inLedger = await ledger.names();
    if (inLedger.includes(site)) return undefined;
    if (api === undefined) throw unknownSite(site, [own, ...inLedger, ...apis.keys()]);
    return api;
  };
  const ask = async (site: string, question: SiteQuestion): Promise<unknown> => {
    if (site === own) return inject(server, question, token.reveal());
    const api = await apiFor(site, question.path);
    if (api === undefined) return inject(await ledger.api(site), question, token.reveal());
    try {
      return await api.ask(question, question.method === 'GET' ? undefined : AbortSignal.timeout(WORK_MS));
    } catch (error) {
      // its host is away: what the ledger and Redis know of it is told all the same
      const isTold = OF_HOST_OR_LEDGER.test(question.path) && (await ledger.names()).includes(site);
      if (faultCode(error) !== 'SITE_AWAY' || !isTold) throw error;
      return inject(await ledger.api(site), question, token.reveal());
    }
  };
  const names = async (): Promise<readonly string[]> =>
    [...new Set([own, ...(await ledger.names()), ...apis.keys()])].toSorted();
  return {
    names,
    all: async (question) => overAll({ sites: await names(), ask, reached }, question),
    pass: async (site, request, reply) => {
      const path = withoutSite(request.url);
      const isStream = request.headers.accept?.includes('text/event-stream') === true;
      if (request.method === 'GET' && OF_HOST_OR_LEDGER.test(path) && !isStream) {
        const answer = await reached.try(site, () => ask(site, { method: 'GET', path }));
        if ('value' in answer) return reply.send(answer.value);
        const { error, code, remedy, since } = answer.unasked;
        return reply.code(FAULTS[code].exit === 3 ? 503 : 400).send({ error, code, remedy, since });
      }
      const api = await apiFor(site, path);
      if (api !== undefined) return passOn(api, path, request, reply);
      const child = await ledger.api(site);
      ledger.admit(request);
      request.raw.url = path;
      reply.hijack();
      child.routing(request.raw, reply.raw);
      return reply;
    },
    close: () => ledger.close(),
  };
}

function unknownSite(site: string, names: readonly string[]): WavspoolError {
  const known = [...new Set(names)].toSorted();
  const nearest = nearestName(site, known);
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return new WavspoolError('USAGE', `there is no site ${JSON.stringify(site)}: ${hint}`);
}

/** Asks an API of this process. Throws the fault that it answers with. */
async function inject(
  server: FastifyInstance,
  { method, path, body }: SiteQuestion,
  token: string,
): Promise<unknown> {
  const answer = await server.inject({
    method,
    url: path,
    headers: { authorization: `Bearer ${token}` },
    ...(body !== undefined && { payload: body }),
  });
  const value = answer.json<unknown>();
  if (answer.statusCode < 300) return value;
  const { error = `it answered ${answer.statusCode}`, code = '' } = value as {
    error?: string;
    code?: string;
  };
  throw new WavspoolError(code in FAULTS ? (code as FaultCode) : 'UNKNOWN', error);
}
