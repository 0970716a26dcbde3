import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { fetchTo, type Fetched, type Wanted } from '../../operate/fetch/index.ts';
import { tarPattern, textPattern } from '../../platform/pattern/index.ts';
import { roundedSize } from '../../platform/runtime/index.ts';
import type { SiteApi } from '../../operate/sites/index.ts';
import { hasRecordings, openOfflineApp, whyNoRecordings, type OfflineApp } from '../../process/app.ts';
import { ALL_SITES } from '../../process/sites.ts';
import { moment } from '../arguments.ts';
import { printJson, printLines, statusLine } from '../output.ts';
import { withSites, type Asked } from '../with-sites.ts';

interface FetchFlags {
  readonly tar?: string;
  readonly since?: string;
  readonly until?: string;
  readonly match?: string;
  readonly to?: string;
  readonly as?: string;
  readonly site?: string;
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
    .option('--site <name>', 'of another site of the ledger')
    .action((paths: readonly string[], flags: FetchFlags, command: Command) => {
      if (flags.site === ALL_SITES)
        throw new WavspoolError('USAGE', 'fetch is of one site: paths of two sites may be the same');
      return withSites(
        command,
        openOfflineApp,
        async (app, { json, isElsewhere }) => ({ code: await run(app, paths, flags, { json, isElsewhere }) }),
        { isOfHost: false, say: (api) => Promise.reject(throughApi(api)) },
      );
    });
}

/** Of a site that is in no ledger of ours: its bucket and its keys are its own. */
function throughApi({ site }: SiteApi): WavspoolError {
  const message = `the site ${site} is in no ledger that is read here: ask for a tar of recordings by GET /api/fetch?site=${site}`;
  return new WavspoolError('SITE_UNASKED', message);
}

async function run(
  app: OfflineApp,
  paths: readonly string[],
  flags: FetchFlags,
  { json, isElsewhere }: Pick<Asked, 'json' | 'isElsewhere'>,
): Promise<0 | 1> {
  if (!isElsewhere && !(await hasRecordings(app)))
    throw new WavspoolError('USAGE', `${whyNoRecordings(app.loaded)}, so there is nothing to fetch`);
  const wanted = wantedBy(app, paths, flags);
  if ((flags.to === undefined) === (flags.as === undefined))
    throw new WavspoolError('USAGE', 'say where to: either --to DIRECTORY or --as FILE.tar');
  const progress = statusLine();
  let seen = 0;
  const onFile = (): void => progress.show(`${(seen += 1)} fetched`);
  const to =
    flags.to === undefined ? { tar: resolve(flags.as ?? '') } : { directory: resolve(flags.to), onFile };
  try {
    const fetched = await fetchTo(app, wanted, to, new AbortController().signal);
    progress.clear();
    show(fetched, flags.to ?? flags.as ?? '', json);
    return fetched.unverified.length === 0 ? 0 : 1;
  } finally {
    progress.clear();
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

function show({ recordings, bytes, unverified }: Fetched, to: string, json: boolean): void {
  if (json) return printJson({ recordings, bytes, unverified });
  printLines([
    `fetched ${recordings} recordings (${roundedSize(bytes)}) to ${to}, each with the SHA-256 that it had`,
    ...unverified.map(({ path, why }) => `! ${path}: ${why}`),
  ]);
  return undefined;
}
