import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { fetchMirrorNow, mirrorNow, type Maintenance } from '../../maintenance/catalogue/index.ts';
import { printError, printJson, printLines } from '../output.ts';
import { surroundings } from '../surroundings.ts';
import { withHost } from '../with-app.ts';

interface Flags {
  readonly fetch?: string | true;
  readonly to?: string;
}

/** `mirror`: a directory's mirror, now; or one brought back from the bucket. */
export function mirrorCommand(program: Command): void {
  program
    .command('mirror <name>')
    .description(
      'mirror directories into a dated tree, as the settings say; prints its path, exit 1 if it is in doubt or could not be brought offsite',
    )
    .option('--fetch [date]', 'instead bring a date back from the bucket, the newest unless told which')
    .option('--to <directory>', 'where to; a directory that is not there yet')
    .action((name: string, flags: Flags, command: Command) =>
      withHost(command, async (maintenance, { json }, signal) =>
        flags.fetch === undefined && flags.to === undefined
          ? make(maintenance, name, json, signal)
          : fetchBack(maintenance, name, flags, json, signal),
      ),
    );
}

async function make(
  maintenance: Maintenance,
  name: string,
  json: boolean,
  signal: AbortSignal,
): Promise<0 | 1> {
  const done = await mirrorNow(maintenance, name, signal);
  const { offsite, doubt } = done;
  const failed = [
    ...(doubt === undefined
      ? []
      : [`it is in doubt: ${doubt}; until "wavspool snapshots confirm ${name}" nothing goes`]),
    ...(offsite !== undefined && 'error' in offsite ? [`it is not offsite yet: ${offsite.error}`] : []),
  ];
  if (json) printJson(done);
  else {
    printLines([done.path]);
    [...done.notes, ...failed].forEach(printError);
  }
  return failed.length === 0 ? 0 : 1;
}

async function fetchBack(
  maintenance: Maintenance,
  name: string,
  { fetch, to }: Flags,
  json: boolean,
  signal: AbortSignal,
): Promise<0 | 1> {
  if (fetch === undefined || to === undefined)
    throw new WavspoolError('USAGE', '--fetch and --to go together: say where the date is brought to');
  const date = fetch === true ? undefined : fetch;
  const fetched = await fetchMirrorNow(
    maintenance,
    name,
    { date, to: resolve(surroundings().cwd, to) },
    signal,
  );
  if (json) printJson(fetched);
  else printLines([fetched.path]);
  return 0;
}
