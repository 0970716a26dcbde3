import type { Command } from 'commander';
import type { App } from '../../app.ts';
import { parseDuration } from '../../config/index.ts';
import { WavspoolError } from '../../faults.ts';
import { PAUSABLE, pauseQueues, readPauses, resumeQueues, type Pausable } from '../../pause/index.ts';
import { printJson, printLines } from '../output.ts';
import { withApp } from '../with-app.ts';

const DRAIN_LOOK_MS = 250;

/** `pause`, `resume` and `drain`. */
export function pauseCommands(program: Command): void {
  program
    .command('pause')
    .argument('[queue]', 'extract, upload or all', 'all')
    .requiredOption('--reason <text>', 'why; everyone who looks sees it')
    .option('--for <duration>', 'end the pause by itself, e.g. 2h')
    .description('stop taking work, visibly and across restarts; what runs goes on')
    .action((which: string, options: { reason: string; for?: string }, command: Command) =>
      withApp(command, async (app, { json }) => {
        const forMs = options.for === undefined ? undefined : parseDuration(options.for);
        if (options.for !== undefined && forMs === undefined) {
          throw new WavspoolError('USAGE', `--for ${options.for} is no duration: 30m, 2h, 1d`);
        }
        await pauseQueues(app, queuesOf(which), options.reason, forMs);
        await show(app, json);
        return 0;
      }),
    );
  program
    .command('resume')
    .argument('[queue]', 'extract, upload or all', 'all')
    .description('take work again, whoever paused it')
    .action((which: string, _options, command: Command) =>
      withApp(command, async (app, { json }) => {
        await resumeQueues(app, queuesOf(which), 'operator');
        await show(app, json);
        return 0;
      }),
    );
  program
    .command('drain')
    .option('--reason <text>', 'why', 'drain')
    .description('pause what is not paused, then wait until nothing is in flight; "resume" goes on')
    .action((options: { reason: string }, command: Command) =>
      withApp(command, async (app, { json }) => {
        const pauses = await readPauses(app.settings);
        await pauseQueues(
          app,
          PAUSABLE.filter((queue) => pauses[queue] === undefined),
          options.reason,
          undefined,
        );
        while ((await inFlight(app)) > 0) await app.clock.sleep(DRAIN_LOOK_MS);
        await show(app, json);
        return 0;
      }),
    );
}

function queuesOf(which: string): readonly Pausable[] {
  if (which === 'all') return PAUSABLE;
  const queue = PAUSABLE.find((name) => name === which);
  if (queue === undefined)
    throw new WavspoolError('USAGE', `there is no queue ${which}: extract, upload or all`);
  return [queue];
}

async function inFlight(app: App): Promise<number> {
  const counts = await Promise.all(PAUSABLE.map((queue) => app.queues[queue].counts()));
  return counts.reduce((sum, { active }) => sum + active, 0);
}

async function show(app: App, json: boolean): Promise<void> {
  const pauses = await readPauses(app.settings);
  const active = await inFlight(app);
  if (json) return printJson({ pauses, inFlight: active });
  printLines(
    PAUSABLE.map((queue) => {
      const pause = pauses[queue];
      if (pause === undefined) return `${queue}: taking work`;
      return `${queue}: paused since ${pause.since}${pause.until === null ? '' : ` until ${pause.until}`}: ${pause.reason}`;
    }).concat(`${active} jobs in flight`),
  );
}
