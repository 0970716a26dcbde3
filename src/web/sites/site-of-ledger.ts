import { fastify, type FastifyInstance } from 'fastify';
import { WavspoolError } from '../../domain/faults.ts';
import { createContext, type Context, type DashboardDeps } from '../context.ts';
import { answerFaults } from '../replies.ts';
import { audit } from '../routes/audit.ts';
import { events } from '../routes/events.ts';
import { failures } from '../routes/failures.ts';
import { fetchRoute } from '../routes/fetch.ts';
import { find } from '../routes/find.ts';
import { historyRoute } from '../routes/history.ts';
import { rates } from '../routes/rates.ts';
import { recordings } from '../routes/recordings.ts';
import { statusRoute } from '../routes/status.ts';
import { tars } from '../routes/tars.ts';
import { uploads } from '../routes/uploads.ts';

/** What stands in the ledger, in Redis and in the bucket, of a site that is another host's: the routes that can be answered without that host. */
export async function siteOfLedger(
  deps: DashboardDeps,
  history: Context['history'],
  whoAsks: (server: FastifyInstance) => void,
): Promise<FastifyInstance> {
  const { site } = deps.settings;
  const server = fastify({
    logger: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 8192 }, // an id holds a path
  });
  answerFaults(server, deps.report, () => hostOnly(site));
  whoAsks(server);
  const context = createContext(deps, { history, heard: () => () => undefined });
  statusRoute(server, context);
  rates(server, context);
  uploads(server, context);
  tars(server, context);
  failures(server, context);
  recordings(server, context);
  find(server, context);
  fetchRoute(server, context);
  audit(server, context);
  events(server, context);
  historyRoute(server, context);
  landingFigures(server, context);
  await server.ready();
  return server;
}

/** What only the host of a site can answer or do. */
export function hostOnly(site: string): WavspoolError {
  return new WavspoolError('SITE_UNASKED', `only the host of the site ${site} can answer that`);
}

/** `GET /api/landing`: how much lies there, as its watch role told it last. */
function landingFigures(server: FastifyInstance, { queues, settings: { site } }: Context): void {
  server.get('/api/landing', async () => {
    const seen = await queues?.shared.landingSeen();
    if (seen === undefined) throw hostOnly(site);
    return {
      rows: [],
      next: null,
      figures: seen.figures,
      figuresAgeSeconds: Math.round(seen.ageMs / 1000),
      unasked: [`what lies on the host of the site ${site} in detail`],
    };
  });
}
