import { Argument, InvalidArgumentError, type Command } from 'commander';
import type { App } from '../../app.ts';
import { PAUSABLE, pauseQueues, readPauses, resumeQueues, type Pausable } from '../../pause/index.ts';
import { durationMs, hint, saidText } from '../arguments.ts';
import { printJson, printLines } from '../output.ts';
import { localTime } from '../times.ts';
import { withApp } from '../with-app.ts';

const DRAIN_LOOK_MS = 250;

/** `pause`, `resume` and `drain`. */
export function pauseCommands(program: Command): void {
  program
    .command('pause')
    .addArgument(queueArgument())
    .requiredOption('--reason <text>', 'why; everyone who looks sees it', saidText)
    .option('--for <duration>', 'end the pause by itself, e.g. 30m, 2h, 1d', durationMs)
    .description('stop taking work, visibly and across restarts; what runs goes on')
    .action((queues: readonly Pausable[], options: { reason: string; for?: number }, command: Command) =>
      withApp(command, async (app, { json }) => {
        await pauseQueues(app, queues, options.reason, options.for);
        await show(app, json);
        return 0;
      }),
    );
  program
    .command('resume')
    .addArgument(queueArgument())
    .description('take work again, whoever paused it')
    .action((queues: readonly Pausable[], _options, command: Command) =>
      withApp(command, async (app, { json }) => {
        await resumeQueues(app, queues, 'operator');
        await show(app, json);
        return 0;
      }),
    );
  program
    .command('drain')
    .option('--reason <text>', 'why; everyone who looks sees it', saidText, 'drain')
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

function queueArgument(): Argument {
  return new Argument('[queue]', 'extract, upload or all').argParser(queuesOf).default(PAUSABLE, 'all');
}

/** Before anything is opened: a misspelt word is told as one, also while Redis is away. */
function queuesOf(which: string): readonly Pausable[] {
  if (which === 'all') return PAUSABLE;
  const queue = PAUSABLE.find((name) => name === which);
  if (queue === undefined)
    throw new InvalidArgumentError(`There is no such queue: ${hint(which, [...PAUSABLE, 'all'])}`);
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
  const time = (iso: string): string => localTime(iso, app.settings.timezone);
  printLines(
    PAUSABLE.map((queue) => {
      const pause = pauses[queue];
      if (pause === undefined) return `${queue}: taking work`;
      const until = pause.until === null ? '' : ` until ${time(pause.until)}`;
      return `${queue}: paused since ${time(pause.since)}${until}: ${pause.reason}`;
    }).concat(`${active} jobs in flight`),
  );
}
