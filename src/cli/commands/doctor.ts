import type { Command } from 'commander';
import { loadSettings } from '../../platform/config/index.ts';
import { examine } from '../../operate/doctor/index.ts';
import { commandReporting } from '../../process/app.ts';
import { systemClock } from '../../platform/runtime/index.ts';
import { printJson, printLines } from '../output.ts';
import { calledWith, endWith } from '../surroundings.ts';
import { globalOptions } from '../global-options.ts';

/** `doctor`: exit 1 if any precondition is not met. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('every precondition with its verdict and its remedy; exit 1 if one is not met')
    .action(async (_options, command: Command) => {
      const options = globalOptions(command);
      const called = calledWith(options);
      const loaded = loadSettings(called);
      const { report } = commandReporting(loaded.settings, called, 'error');
      const findings = await examine(loaded, report, systemClock);
      const ok = findings.every((finding) => finding.ok);
      if (options.json) printJson({ ok, findings });
      else {
        printLines(
          findings.flatMap(({ name, ok, found, remedy, isAdvice = false }) => [
            `${!ok ? 'FAIL' : isAdvice ? 'WARN' : 'ok  '}  ${name}: ${found}`,
            ...(ok && !isAdvice ? [] : [`      → ${remedy}`]),
          ]),
        );
      }
      endWith(ok ? 0 : 1);
    });
}
