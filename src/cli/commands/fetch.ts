import { createWriteStream } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { asTar, chosen, intoDirectory, type Fetched, type Wanted } from '../../operate/fetch/index.ts';
import { tarPattern, textPattern } from '../../platform/pattern/index.ts';
import {
  publishUnlessTaken,
  roundedSize,
  syncDirectory,
  syncFile,
  temporaryPath,
} from '../../platform/runtime/index.ts';
import { openS3Store } from '../../platform/s3/index.ts';
import type { OfflineApp } from '../../process/app.ts';
import { moment } from '../arguments.ts';
import { printJson, printLines, statusLine } from '../output.ts';
import { withOfflineApp } from '../with-app.ts';

interface FetchFlags {
  readonly tar?: string;
  readonly since?: string;
  readonly until?: string;
  readonly match?: string;
  readonly to?: string;
  readonly as?: string;
}

/** `fetch`: recordings back from the bucket, each checked against its SHA-256; exit 1 if one could not be. */
export function fetchCommand(program: Command): void {
  program
    .command('fetch')
    .argument('[path...]', 'recordings: their paths, also below paths.extracted')
    .description(
      'recordings back from the bucket, each checked against its SHA-256; exit 1 if one is not what it was',
    )
    .option('--tar <glob>', 'of tars with that name; with a "/", with that path below the landing directory')
    .option(
      '--since <time>',
      'uploaded since then: "2026-11-20 14:00:00" in the time zone of the settings, or 2h, 3d ago',
    )
    .option('--until <time>', 'uploaded before then')
    .option('--match <pattern>', 'in whose path it is found: RE2 syntax, text:PART or glob:PATTERN')
    .option('--to <directory>', 'into this directory, under their paths below paths.extracted')
    .option('--as <file>', 'as one tar, with the names of those that could not be proven in its last member')
    .action((paths: readonly string[], flags: FetchFlags, command: Command) =>
      withOfflineApp(command, (app, { json }) => run(app, paths, flags, json)),
    );
}

async function run(
  app: OfflineApp,
  paths: readonly string[],
  flags: FetchFlags,
  json: boolean,
): Promise<0 | 1> {
  const { settings, ledger, report, clock } = app;
  const wanted = wantedBy(app, paths, flags);
  if ((flags.to === undefined) === (flags.as === undefined))
    throw new WavspoolError('USAGE', 'say where to: either --to DIRECTORY or --as FILE.tar');
  const { concurrency, multipartBytes } = settings.upload;
  const store = await openS3Store({ ...settings.s3, concurrency, multipartBytes }, report, clock);
  const deps = { store, extracted: settings.paths.extracted, scratch: join(settings.paths.data, 'scratch') };
  const { signal } = new AbortController();
  const rows = chosen(ledger, wanted);
  const progress = statusLine();
  let seen = 0;
  const onFile = (): void => progress.show(`${(seen += 1)} fetched`);
  try {
    const fetched =
      flags.to === undefined
        ? await intoTar((onEnd) => asTar(deps, rows, signal, onEnd), resolve(flags.as ?? ''))
        : await intoDirectory(deps, rows, resolve(flags.to), signal, onFile);
    progress.clear();
    show(fetched, flags.to ?? flags.as ?? '', json);
    return fetched.unverified.length === 0 ? 0 : 1;
  } finally {
    progress.clear();
    store.close();
  }
}

/** Throws USAGE where nothing says which, or a path and something else does. */
function wantedBy({ settings, clock }: OfflineApp, paths: readonly string[], flags: FetchFlags): Wanted {
  const { tar, since, until, match } = flags;
  const isFiltered = [tar, since, until, match].some((flag) => flag !== undefined);
  if (paths.length === 0 && !isFiltered)
    throw new WavspoolError(
      'USAGE',
      'say which: PATH…, --tar, --since, --until or --match; --match text: is all',
    );
  if (paths.length > 0 && isFiltered)
    throw new WavspoolError('USAGE', 'either PATH… or --tar, --since, --until, --match');
  const { incoming, extracted } = settings.paths;
  const time = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : moment(text, clock.now(), settings.timezone);
  return {
    ...(paths.length > 0 && { paths: paths.map((path) => resolve(extracted, path)) }),
    isTar: tar === undefined ? undefined : tarPattern(incoming, tar),
    match: match === undefined ? undefined : textPattern(match),
    from: time(since),
    to: time(until),
  };
}

/** The file appears under its name when it is whole and on disk. Throws USAGE where there is one already: nothing is replaced. */
async function intoTar(
  make: (onEnd: (fetched: Fetched) => void) => AsyncGenerator<Uint8Array>,
  file: string,
): Promise<Fetched> {
  let outcome: Fetched = { recordings: 0, bytes: 0, unverified: [] };
  const isThere = new WavspoolError('USAGE', `${file} is there already: name another file, or move it away`);
  if ((await lstat(file).catch(unlessMissing)) !== undefined) throw isThere;
  const temporary = temporaryPath(dirname(file));
  try {
    const chunks = make((fetched) => {
      outcome = fetched;
    });
    await pipeline(Readable.from(chunks), createWriteStream(temporary, { mode: 0o640, flags: 'wx' }));
    await syncFile(temporary);
    if (!publishUnlessTaken(temporary, file)) throw isThere; // it has come meanwhile
    await syncDirectory(dirname(file));
    return outcome;
  } finally {
    await rm(temporary, { force: true });
  }
}

function unlessMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

function show({ recordings, bytes, unverified }: Fetched, to: string, json: boolean): void {
  if (json) return printJson({ recordings, bytes, unverified });
  printLines([
    `fetched ${recordings} recordings (${roundedSize(bytes)}) to ${to}, each with the SHA-256 that it had`,
    ...unverified.map(({ path, why }) => `! ${path}: ${why}`),
  ]);
  return undefined;
}
