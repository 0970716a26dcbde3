import { systemClock } from '../../src/platform/runtime/index.ts';
import { openQueues } from '../../src/platform/queue/open.ts';
import { Secret } from '../../src/platform/config/secret.ts';

// A worker that takes one job and never ends it: job-holder.ts REDIS SITE. It says "taken" when it has it.

const [, , url = '', site = ''] = process.argv;
const settings = { site, redis: { url: new Secret(url) }, paths: { data: '/nowhere' } };
const queues = openQueues(settings as Parameters<typeof openQueues>[0], () => undefined, systemClock);
queues.work<'maintenance'>({
  kind: 'maintenance',
  concurrency: 1,
  lockMs: 3_600_000,
  process: () => {
    process.stdout.write('taken\n');
    return new Promise(() => undefined);
  },
});
