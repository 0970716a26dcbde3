import { Secret, type Settings } from '../../src/platform/config/index.ts';
import { startDashboard } from '../../src/web/server.ts';
import { maintenanceApi, type Maintenance } from '../../src/maintenance/catalogue/index.ts';
import { ingestTars } from '../../src/ingest/rescan/index.ts';
import { openQueues } from '../../src/platform/queue/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** The dashboard of a site on a Redis of its own, asked as a script of an operator's asks it. */
export interface TestDashboard extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly address: string;
  get(path: string): Promise<Response>;
  post(path: string, body: object): Promise<Response>;
  /** What an answer holds. */
  json(answer: Promise<Response>): Promise<unknown>;
}

export async function startTestDashboard(
  settings: Settings,
  ledger: Ledger,
  host: Maintenance,
  redis?: TestRedis,
): Promise<TestDashboard> {
  const own = redis ?? (await startRedis({ appendOnly: 'off' }));
  const { clock, report } = host;
  const queues = openQueues({ ...settings, redis: { url: new Secret(own.url) } }, report, clock);
  const dashboard = await startDashboard({
    settings: { ...settings, http: { ...settings.http, port: 0 } },
    parts: { recordings: true, store: true, redis: true },
    ledger,
    queues,
    presence: queues.shared,
    clock,
    report,
    requeue: () => Promise.resolve({ recordings: 0, tars: 0 }),
    runAudit: () => Promise.reject(new Error('nobody audits here')),
    pauses: () => Promise.resolve({ extract: undefined, upload: undefined }),
    ingest: (tars) => ingestTars({ settings, ledger, queues }, tars),
    host: maintenanceApi(host, AbortSignal.timeout(120_000)),
    token: new Secret('token'),
  });
  const headers = { authorization: 'Bearer token', 'content-type': 'application/json' };
  return {
    redis: own,
    address: dashboard.address,
    get: (path) => fetch(dashboard.address + path, { headers }),
    post: (path, body) =>
      fetch(dashboard.address + path, { method: 'POST', headers, body: JSON.stringify(body) }),
    json: async (answer) => (await answer).json(),
    [Symbol.asyncDispose]: async () => {
      await dashboard.stop();
      await queues.close();
      if (redis === undefined) await own[Symbol.asyncDispose]();
    },
  };
}
