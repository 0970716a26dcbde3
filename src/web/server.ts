import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import { fastify, type FastifyInstance } from 'fastify';
import { messageOf, WavspoolError } from '../domain/faults.ts';
import { createThrottle, type Throttle } from './auth.ts';
import { createContext, type Context, type DashboardDeps } from './context.ts';
import { guard } from './guard.ts';
import { answerFaults } from './replies.ts';
import { healthz } from './routes/healthz.ts';
import { landing } from './routes/landing.ts';
import { login } from './routes/login.ts';
import { metrics } from './routes/metrics.ts';
import { overview } from './routes/overview.ts';
import { queueBoard } from './routes/queues.ts';
import { rates } from './routes/rates.ts';
import { readyz } from './routes/readyz.ts';
import { statusRoute } from './routes/status.ts';
import { tars } from './routes/tars.ts';
import { backups } from './routes/backups.ts';
import { uploads } from './routes/uploads.ts';

export type { DashboardDeps } from './context.ts';

/**
 * Serves `settings.http` until it is stopped. `address` is without the token; `<address>/?token=…` logs in. Throws USAGE
 * when it cannot listen there.
 */
export async function startDashboard(
  deps: DashboardDeps,
): Promise<{ address: string; stop: () => Promise<void> }> {
  const { host, port } = deps.settings.http;
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
  });
  answerFaults(server, deps.report);
  await server.register(cookie);
  await server.register(formbody);
  const context = createContext(deps);
  healthz(server, context);
  const throttle = createThrottle();
  login(server, context, throttle);
  await server.register(async (inside) => behindToken(inside, context, throttle));
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
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
  const address = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  deps.report('dashboard listening', { address });
  return { address, stop: () => server.close() };
}

async function behindToken(server: FastifyInstance, context: Context, throttle: Throttle): Promise<void> {
  guard(server, context, throttle);
  overview(server);
  readyz(server, context);
  metrics(server, context);
  statusRoute(server, context);
  rates(server, context);
  uploads(server, context);
  backups(server, context);
  tars(server, context);
  landing(server, context);
  if (context.queues !== undefined) await queueBoard(server, context, context.queues);
}
