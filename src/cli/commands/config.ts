import type { Command } from 'commander';
import { SettingsError, loadSettings, settingsLines, showSettings } from '../../platform/config/index.ts';
import { printJson, printLines } from '../output.ts';
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
      const { config: configFile, json } = globalOptions(command);
      try {
        const { file, lookedAt } = loadSettings(configFile === undefined ? {} : { configFile });
        const none = `no settings file found, looked at ${lookedAt.join(' and ')}: the defaults hold`;
        if (json) printJson({ ok: true, file: file ?? null, lookedAt, faults: [] });
        else printLines([file === undefined ? none : `${file}: no fault`]);
      } catch (error) {
        if (!(error instanceof SettingsError) || !json) throw error;
        printJson({ ok: false, faults: error.faults });
        process.exitCode = 2;
      }
    });
  config
    .command('show')
    .description('the effective settings, each with its source, secrets masked')
    .action((_options, command: Command) => {
      const { config: configFile, json } = globalOptions(command);
      const loaded = loadSettings(configFile === undefined ? {} : { configFile });
      const shown = showSettings(loaded);
      if (json) printJson({ file: loaded.file ?? null, settings: shown });
      else printLines(settingsLines(shown));
    });
}
