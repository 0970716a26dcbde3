import { basename } from 'node:path';
import type { Command } from 'commander';
import { commandReporting, settingsOfCommand, type Called } from '../../process/app.ts';
import { effectiveLogs, type Settings } from '../../platform/config/index.ts';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { rotateDeps } from '../../maintenance/catalogue/index.ts';
import {
  logsOf,
  rotateLog,
  type LogEntry,
  type RotateOptions,
  type RotationResult,
} from '../../maintenance/logrotate/index.ts';
import { systemClock } from '../../platform/runtime/index.ts';
import { printJson, printLines, printTable } from '../output.ts';
import { calledWith, endWith } from '../surroundings.ts';
import { globalOptions } from '../global-options.ts';

/** `rotate`: needs neither Redis nor `state.db`; exit 1 if a log could not be rotated. */
export function rotateCommand(program: Command): void {
  program
    .command('rotate')
    .description(
      'rotate the logs of the settings and wavspool’s own now, or one of them; exit 1 if one could not be',
    )
    .argument('[log]', 'its path, or its file name')
    .option('--force', 'whatever its size, as logrotate --force')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action(async (log: string | undefined, options: RotateOptions, command: Command) => {
      const global = globalOptions(command);
      const called = calledWith(global);
      const { settings } = settingsOfCommand(called);
      const entries = await chosen(effectiveLogs(settings), log);
      const results = await rotateAll(settings, called, entries, options);
      if (global.json) printJson({ logs: results.map(asJson) });
      else if (results.length === 0) printLines(['no log is there']);
      else show(results);
      endWith(results.some(({ outcome }) => outcome === 'failed') ? 1 : 0);
    });
}

/** The entries of that name, or a pattern's entry for just the log that it takes. Throws USAGE. */
async function chosen(logs: readonly LogEntry[], name: string | undefined): Promise<readonly LogEntry[]> {
  if (name === undefined) return logs;
  const named = logs.filter(({ path }) => path === name || basename(path) === name);
  if (named.length > 0) return named;
  for (const entry of logs) {
    const path = (await logsOf(entry.path)).find((one) => one === name || basename(one) === name);
    if (path !== undefined) return [{ ...entry, path }];
  }
  const known = logs.map(({ path }) => path).join(', ') || 'none';
  throw new WavspoolError('USAGE', `${name} is none of the logs in the settings: ${known}`);
}

async function rotateAll(
  settings: Settings,
  called: Called,
  entries: readonly LogEntry[],
  options: RotateOptions,
): Promise<readonly RotationResult[]> {
  const { report, close } = commandReporting(settings, called);
  const deps = rotateDeps({
    clock: systemClock,
    report,
    timezone: settings.timezone,
    dataDirectory: settings.paths.data,
  });
  const results: RotationResult[] = [];
  for (const entry of entries)
    results.push(...(await rotateLog(deps, entry, options, new AbortController().signal)));
  close();
  return results;
}

function asJson(result: RotationResult): object {
  if (result.outcome !== 'failed') return result;
  const { error, ...rest } = result;
  return { ...rest, error: messageOf(error) };
}

function show(results: readonly RotationResult[]): void {
  printTable(['LOG', 'OUTCOME', 'ARCHIVE', 'BYTES', 'REMOVED', 'HOW'], results.map(row));
}

function row(result: RotationResult): readonly (string | number)[] {
  const { log, outcome } = result;
  if (outcome === 'skipped') return [log, outcome, '-', '-', '-', result.reason];
  const archive = result.archive ?? '-';
  if (outcome === 'failed')
    return [log, outcome, archive, '-', '-', `${result.code}: ${messageOf(result.error)}`];
  const { bytes, removed } = result;
  if (outcome === 'due') return [log, outcome, archive, bytes, removed.length, ''];
  const how = result.way === 'window' ? `window of ${result.windowUs} µs` : result.way;
  return [log, outcome, archive, bytes, removed.length, how];
}
