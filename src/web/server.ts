import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import { fastify, type FastifyInstance } from 'fastify';
import { messageOf, WavspoolError } from '../domain/faults.ts';
import { certificate } from './certificate.ts';
import { createThrottle, type Throttle } from './auth.ts';
import { prefixOf, withoutPrefix } from './base-path.ts';
import { behindProxies } from './behind-proxies.ts';
import { createContext, type Context, type DashboardDeps } from './context.ts';
import { guard } from './guard.ts';
import { answerFaults } from './replies.ts';
import { healthz } from './routes/healthz.ts';
import { landing } from './routes/landing.ts';
import { login } from './routes/login.ts';
import { metrics } from './routes/metrics.ts';
import { consolePages } from './routes/console.ts';
import { events } from './routes/events.ts';
import { failures } from './routes/failures.ts';
import { fetchRoute } from './routes/fetch.ts';
import { find } from './routes/find.ts';
import { historyRoute, runsRoute } from './routes/history.ts';
import { recordings } from './routes/recordings.ts';
import { system } from './routes/system.ts';
import { work } from './routes/work.ts';
import { startAlerting } from '../operate/alerts/index.ts';
import { startHistory } from './start-history.ts';
import { queueBoard } from './routes/queues.ts';
import { rates } from './routes/rates.ts';
import { readyz } from './routes/readyz.ts';
import { statusRoute } from './routes/status.ts';
import { tars } from './routes/tars.ts';
import { audit } from './routes/audit.ts';
import { backups } from './routes/backups.ts';
import { uploads } from './routes/uploads.ts';
import { routeBySite } from './sites/index.ts';

export type { DashboardDeps } from './context.ts';

/**
 * Serves `settings.http` until it is stopped. `address` is without the token; `<address>/?token=…` logs in. Throws USAGE
 * when it cannot listen there, SETTINGS_INVALID for a certificate that cannot be read.
 */
export async function startDashboard(
  deps: DashboardDeps,
): Promise<{ address: string; stop: () => Promise<void> }> {
  const { host, port, tls, basePath, trustedProxies } = deps.settings.http;
  const prefix = prefixOf(basePath);
  const server = fastify({
    ...(tls !== undefined && { https: certificate(tls) }),
    ...behindProxies(trustedProxies),
    logger: false,
    forceCloseConnections: true,
    rewriteUrl: ({ url = '/' }) => withoutPrefix(url, prefix),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 8192 }, // an id holds a path
  });
  answerFaults(server, deps.report);
  await server.register(cookie);
  await server.register(formbody);
  const kept = startHistory(deps);
  const context = createContext(deps, kept);
  kept.follow(context.status);
  const alerting = startAlerting({ ...deps, status: context.status });
  healthz(server, context);
  const throttle = createThrottle();
  login(server, context, throttle);
  await server.register(async (inside) => behindToken(inside, context, throttle));
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
    await alerting.stop();
    await kept.stop();
    throw new WavspoolError(
      'USAGE',
      `cannot listen on ${host}:${port} (http.host, http.port): ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  const [listening] = server.addresses();
  const bound = typeof listening === 'object' ? listening.port : port;
  const address = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}${prefix}`;
  deps.report('dashboard listening', { address });
  return {
    address,
    stop: async () => {
      await server.close();
      await alerting.stop();
      await kept.stop();
    },
  };
}

async function behindToken(server: FastifyInstance, context: Context, throttle: Throttle): Promise<void> {
  guard(server, context, throttle);
  routeBySite(server, context);
  consolePages(server, context);
  readyz(server, context);
  metrics(server, context);
  statusRoute(server, context);
  rates(server, context);
  uploads(server, context);
  backups(server, context);
  audit(server, context);
  tars(server, context);
  landing(server, context);
  failures(server, context);
  recordings(server, context);
  find(server, context);
  fetchRoute(server, context);
  work(server, context);
  events(server, context);
  historyRoute(server, context);
  runsRoute(server, context);
  system(server, context);
  if (context.queues !== undefined) await queueBoard(server, context, context.queues);
}
