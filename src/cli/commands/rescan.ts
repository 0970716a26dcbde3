import type { Command } from 'commander';
import { settleOnce } from '../../arrival/index.ts';
import { knownTars, queueTars, reconcileUploads } from '../../rescan/index.ts';
import { proveComplete } from '../../tar/index.ts';
import { printJson, printLines } from '../output.ts';
import { withApp } from '../with-app.ts';

/** `rescan`: disk against state.db against queues, now. */
export function rescanCommand(program: Command): void {
  program
    .command('rescan')
    .description('look at the disk, state.db and the queues now, and queue whatever is open')
    .action((_options, command: Command) =>
      withApp(command, async (app, { json }) => {
        const tars = await settleOnce({
          settings: app.settings.arrival,
          incoming: app.settings.paths.incoming,
          clock: app.clock,
          report: app.report,
          known: (versions) => knownTars(app, versions),
          queue: async (versions) => {
            await queueTars(app, versions);
          },
          prove: proveComplete,
        });
        const recordings = await reconcileUploads(app, true);
        const result = {
          tars: tars.tars,
          known: tars.known,
          queued: tars.queued.length,
          incomplete: tars.incomplete,
          recordings,
        };
        if (json) printJson(result);
        else {
          printLines([
            `${result.tars} tars on disk, ${result.known} of them known, ${result.queued} queued now, ${result.incomplete.length} not complete`,
            ...result.incomplete.map(({ path, reason }) => `  ${path}: ${reason}`),
            `${recordings} recordings had no job and have one now`,
          ]);
        }
        return 0;
      }),
    );
}
