import '../../src/platform/runtime/require-node.js';
import type { App } from '../../src/process/app.ts';
import { extractRole } from '../../src/process/roles/extract.ts';
import { runRoles, type Role } from '../../src/process/run-roles.ts';
import type { RunningRole } from '../../src/platform/queue/index.ts';

// The extract role under a watchdog that loses its patience within seconds, and one way to get stuck:
//   impatient-role.ts FAULT CONFIG      FAULT: none | blocked loop | endless job | poison tar

const [, , fault = 'none', config] = process.argv;
const SECOND_MS = 1000;
const limits = { idleMs: 4 * SECOND_MS, busyMs: 4 * SECOND_MS };
const watchdog = {
  limits: { extract: limits, upload: limits, maintenance: limits },
  everyMs: SECOND_MS,
  blockedMs: 4 * SECOND_MS,
};

const role: Role = {
  name: 'extract',
  start: async (app): Promise<RunningRole> => {
    if (fault === 'blocked loop') {
      setTimeout(() => {
        for (;;); // only a signal ends this
      }, 2 * SECOND_MS);
    }
    if (fault === 'poison tar') return extractRole.start(dyingOver('poison.tar', app));
    if (fault !== 'endless job') return extractRole.start(app);
    const worker = app.queues.work<'extract'>({
      kind: 'extract',
      concurrency: 1,
      process: () => new Promise(() => undefined),
    });
    return { work: { queue: 'extract', worker, limit: 1 }, stop: (graceMs) => worker.stop(graceMs) };
  },
};

/** The same app, but that a worker of it dies whenever it is given that tar, and is missed within seconds. */
function dyingOver(name: string, app: App): App {
  const work: App['queues']['work'] = (options) =>
    app.queues.work({
      ...options,
      lockMs: 2 * SECOND_MS,
      process: (payload, signal, goesOn) => {
        if ('tar' in payload && payload.tar.endsWith(name)) process.kill(process.pid, 'SIGKILL');
        return options.process(payload, signal, goesOn);
      },
    });
  return { ...app, queues: { ...app.queues, work } };
}

await runRoles([role], config, watchdog);
