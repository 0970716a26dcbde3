import { Argument, InvalidArgumentError, type Command } from 'commander';
import type { HostApp } from '../../process/app.ts';
import {
  PAUSABLE,
  drain,
  inFlight,
  meantBy,
  pauseQueues,
  pausedByAll,
  readPauses,
  resumeQueues,
} from '../../operate/pause/index.ts';
import { durationMs, hint, saidText } from '../arguments.ts';
import { printJson, printLines } from '../output.ts';
import { localTime } from '../times.ts';
import { withHostApp } from '../with-app.ts';

const QUEUE_HELP =
  'extract, upload, maintenance or all: extract and upload, on a host without recordings maintenance';

/** `pause`, `resume` and `drain`. */
export function pauseCommands(program: Command): void {
  program
    .command('pause')
    .addArgument(queueArgument())
    .requiredOption('--reason <text>', 'why; everyone who looks sees it', saidText)
    .option('--for <duration>', 'end the pause by itself, e.g. 30m, 2h, 1d', durationMs)
    .description('stop taking work, visibly and across restarts; what runs goes on')
    .action((which: Which, options: { reason: string; for?: number }, command: Command) =>
      withHostApp(command, async (app, { json }) => {
        await pauseQueues(app, meantBy(which, app.loaded.parts), options.reason, options.for);
        await show(app, json);
        return 0;
      }),
    );
  program
    .command('resume')
    .addArgument(queueArgument())
    .description('take work again, whatever paused it')
    .action((which: Which, _options, command: Command) =>
      withHostApp(command, async (app, { json }) => {
        await resumeQueues(app, meantBy(which, app.loaded.parts, await readPauses(app)), 'operator');
        await show(app, json);
        return 0;
      }),
    );
  program
    .command('drain')
    .option('--reason <text>', 'why; everyone who looks sees it', saidText, 'drain')
    .description('pause what is not paused, then wait until nothing is in flight; "resume" goes on')
    .action((options: { reason: string }, command: Command) =>
      withHostApp(command, async (app, { json }) => {
        await drain({ ...app, parts: app.loaded.parts }, options.reason);
        await show(app, json);
        return 0;
      }),
    );
}

type Which = Parameters<typeof meantBy>[0];

function queueArgument(): Argument {
  return new Argument('[queue]', QUEUE_HELP).argParser(whichOf).default('all');
}

/** Before anything is opened: a misspelt word is told as one, also while Redis is away. */
function whichOf(word: string): Which {
  const words = [...PAUSABLE, 'all'] as const;
  const which = words.find((name) => name === word);
  if (which === undefined) throw new InvalidArgumentError(`There is no such queue: ${hint(word, words)}`);
  return which;
}

async function show(app: HostApp, json: boolean): Promise<void> {
  const pauses = await readPauses(app);
  const active = await inFlight({ ...app, parts: app.loaded.parts });
  if (json) return printJson({ pauses, inFlight: active });
  const time = (iso: string): string => localTime(iso, app.settings.timezone);
  const shown = PAUSABLE.filter(
    (queue) => pauses[queue] !== undefined || pausedByAll(app.loaded.parts).includes(queue),
  );
  const lines = shown.map((queue) => {
    const pause = pauses[queue];
    if (pause === undefined) return `${queue}: taking work`;
    const until = pause.until === null ? '' : ` until ${time(pause.until)}`;
    return `${queue}: paused since ${time(pause.since)}${until}: ${pause.reason}`;
  });
  printLines([...lines, `${active} jobs in flight`]);
}
