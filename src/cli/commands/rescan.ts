import type { Command } from 'commander';
import type { App, OfflineApp } from '../../process/app.ts';
import { rescanNow } from '../../ingest/rescan/index.ts';
import { rowsFromReceipts } from '../../operate/audit/index.ts';
import { printJson, printLines } from '../output.ts';
import type { GlobalOptions } from '../global-options.ts';
import { withApp, withOfflineApp } from '../with-app.ts';

/** `rescan`: disk against state.db against queues, now. */
export function rescanCommand(program: Command): void {
  program
    .command('rescan')
    .description('look at the disk, state.db and the queues now, and queue whatever is open')
    .option(
      '--from-receipts',
      'write into state.db what the receipts in the bucket tell and it does not know',
    )
    .action((flags: { fromReceipts?: boolean }, command: Command) =>
      flags.fromReceipts === true ? withOfflineApp(command, fromReceipts) : withApp(command, rescan),
    );
}

async function rescan(app: App, { json }: GlobalOptions): Promise<0> {
  const result = await rescanNow(app);
  if (json) printJson(result);
  else {
    printLines([
      `${result.tars} tars on disk, ${result.known} of them known, ${result.queued} queued now, ${result.incomplete.length} not complete`,
      // what a proof says names the tar already
      ...result.incomplete.map(({ path, reason }) =>
        reason.startsWith(path) ? `  ${reason}` : `  ${path}: ${reason}`,
      ),
      `${result.recordings} recordings had no job and have one now`,
    ]);
  }
  return 0;
}

/** `rescan --from-receipts`: exit 1 if an object among the receipts is none. */
async function fromReceipts(app: OfflineApp, { json }: GlobalOptions): Promise<0 | 1> {
  const restored = await rowsFromReceipts(app, new AbortController().signal);
  if (json) printJson(restored);
  else {
    printLines([
      `${restored.receipts} receipts read, ${restored.recordings} recordings had no row and have one now`,
      ...(restored.ofOtherSites > 0 ? [`${restored.ofOtherSites} receipts of other sites left alone`] : []),
      ...restored.invalid.map(({ key, reason }) => `* ${key}: ${reason}`),
    ]);
  }
  return restored.invalid.length === 0 ? 0 : 1;
}
