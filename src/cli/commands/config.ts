import type { Command } from 'commander';
import { SettingsError, loadSettings, settingsLines, showSettings } from '../../platform/config/index.ts';
import { printJson, printLines } from '../output.ts';
import { calledWith, endWith } from '../surroundings.ts';
import { globalOptions } from '../global-options.ts';

/** `config check` and `config show`. */
export function configCommands(program: Command): void {
  const config = program
    .command('config')
    .description('the settings: check them, or show what holds and where it comes from');
  config
    .command('check')
    .description('validate the settings as a whole; exit 2 with every fault')
    .action((_options, command: Command) => {
      const options = globalOptions(command);
      try {
        const { file, lookedAt } = loadSettings(calledWith(options));
        const none = `no settings file found, looked at ${lookedAt.join(' and ')}: the defaults hold`;
        if (options.json) printJson({ ok: true, file: file ?? null, lookedAt, faults: [] });
        else printLines([file === undefined ? none : `${file}: no fault`]);
      } catch (error) {
        if (!(error instanceof SettingsError) || !options.json) throw error;
        printJson({ ok: false, faults: error.faults });
        endWith(2);
      }
    });
  config
    .command('show')
    .description('the effective settings, each with its source, secrets masked')
    .action((_options, command: Command) => {
      const options = globalOptions(command);
      const loaded = loadSettings(calledWith(options));
      const shown = showSettings(loaded);
      if (options.json) printJson({ file: loaded.file ?? null, settings: shown });
      else printLines(settingsLines(shown));
    });
}
