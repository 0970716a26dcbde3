import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { sendTest } from '../../operate/alerts/index.ts';
import { systemClock } from '../../platform/runtime/index.ts';
import { settingsOfCommand } from '../../process/app.ts';
import { globalOptions } from '../global-options.ts';
import { interruptible } from '../interruptible.ts';
import { printJson, printLines } from '../output.ts';
import { calledWith, endWith } from '../surroundings.ts';

/** `alerts test`. */
export function alertsCommands(program: Command): void {
  const alerts = program.command('alerts').description('who is told of problems');
  alerts
    .command('test')
    .description('send a message to each receiver that the settings name; exit 1 if one does not take it')
    .action(async (_options, command: Command) => {
      const options = globalOptions(command);
      const { settings } = settingsOfCommand(calledWith(options));
      const sent = await interruptible((signal) => sendTest(settings, systemClock.now(), signal));
      if (sent.length === 0)
        throw new WavspoolError('USAGE', 'the settings name no receiver: set alerts.webhook or alerts.email');
      if (options.json)
        printJson({ sent: sent.map(({ receiver, refused = null }) => ({ receiver, refused })) });
      else
        printLines(
          sent.map(({ receiver, refused }) =>
            refused === undefined ? `ok  ${receiver}` : `BAD ${receiver}: ${refused}`,
          ),
        );
      endWith(sent.some(({ refused }) => refused !== undefined) ? 1 : 0);
    });
}
