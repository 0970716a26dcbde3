import { basename } from 'node:path';
import type { Command } from 'commander';
import { commandReporting, settingsOfCommand, type Called } from '../../process/app.ts';
import { effectiveLogs } from '../../platform/config/index.ts';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { rotateDeps, rotateNow } from '../../maintenance/catalogue/index.ts';
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
import { withHost } from '../with-app.ts';

/** `rotate`: needs neither Redis nor `state.db`, and with `--dry-run` no `jobs.db`; exit 1 if a log could not be rotated. */
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
      if (options.dryRun === true) {
        const global = globalOptions(command);
        const results = await previewAll(calledWith(global), log, options);
        endWith(tell(results, global));
        return;
      }
      await withHost(command, async (host, global, signal) => {
        const results: RotationResult[] = [];
        for (const { entry, whole } of await chosen(effectiveLogs(host.settings), log))
          results.push(
            ...(await (whole
              ? rotateNow(host, entry, options, signal)
              : rotateLog(rotateDeps(host), entry, options, signal))),
          );
        return tell(results, global);
      });
    });
}

/** An entry of the settings, the whole of it or just one of the logs that its pattern takes. */
interface Chosen {
  readonly entry: LogEntry;
  readonly whole: boolean;
}

/** The entries of that name, or a pattern's entry for just the log that it takes. Throws USAGE. */
async function chosen(logs: readonly LogEntry[], name: string | undefined): Promise<readonly Chosen[]> {
  const named = logs.filter(({ path }) => name === undefined || path === name || basename(path) === name);
  if (name === undefined || named.length > 0) return named.map((entry) => ({ entry, whole: true }));
  for (const entry of logs) {
    const path = (await logsOf(entry.path)).find((one) => one === name || basename(one) === name);
    if (path !== undefined) return [{ entry: { ...entry, path }, whole: false }];
  }
  const known = logs.map(({ path }) => path).join(', ') || 'none';
  throw new WavspoolError('USAGE', `${name} is none of the logs in the settings: ${known}`);
}

async function previewAll(
  called: Called,
  log: string | undefined,
  options: RotateOptions,
): Promise<readonly RotationResult[]> {
  const { settings } = settingsOfCommand(called);
  const entries = await chosen(effectiveLogs(settings), log);
  const { report, close } = commandReporting(settings, called);
  const { timezone, paths } = settings;
  const deps = rotateDeps({ clock: systemClock, report, timezone, dataDirectory: paths.data });
  const results: RotationResult[] = [];
  for (const { entry } of entries)
    results.push(...(await rotateLog(deps, entry, options, new AbortController().signal)));
  close();
  return results;
}

function tell(results: readonly RotationResult[], { json }: { readonly json: boolean }): 0 | 1 {
  if (json) printJson({ logs: results.map(asJson) });
  else if (results.length === 0) printLines(['no log is there']);
  else show(results);
  return results.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
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
