import type { Command } from 'commander';
import type { Settings } from '../../platform/config/index.ts';
import { objectAddress } from '../../platform/s3/index.ts';
import { trace, traceThroughApi, type Trace } from '../../operate/trace/index.ts';
import { openLookingApp, whyNoRecordings, type LookingApp } from '../../process/app.ts';
import { requireSharedRedis } from '../../process/sites.ts';
import { saidText } from '../arguments.ts';
import { outlook } from '../outlook.ts';
import { outline, printLines } from '../output.ts';
import { localTime } from '../times.ts';
import { siteOption, withSites, type Asked, type Remote, type Said } from '../with-sites.ts';

/** `trace`: everything known about one tar or recording. */
export function traceCommand(program: Command): void {
  siteOption(program.command('trace'))
    .argument(
      '<path>',
      'a tar or a recording: its path, also below the landing directory, or its key, also as s3://bucket/key',
      saidText,
    )
    .description('everything known about one tar or recording; exit 1 if nothing is')
    .action((path: string, _options, command: Command) =>
      withSites(command, openLookingApp, (app, asked) => traced(app, path, asked), throughApi(path), 'any'),
    );
}

function throughApi(path: string): Remote {
  return {
    isOfHost: false,
    say: async (api) => {
      const found = await traceThroughApi(api, path);
      return {
        code: found.kind === 'unknown' ? 1 : 0,
        document: found,
        print: () => printLines(found.kind === 'unknown' ? unknownLines(path, undefined) : outline(found)),
      };
    },
  };
}

async function traced(app: LookingApp, path: string, { isElsewhere }: Asked): Promise<Said> {
  if (isElsewhere) requireSharedRedis(app.settings);
  const found = await trace({ ...app, isElsewhere }, path);
  return {
    code: found.kind === 'unknown' ? 1 : 0,
    document: found,
    print: () =>
      printLines(
        found.kind === 'unknown'
          ? [
              ...(app.loaded.parts.recordings || isElsewhere
                ? unknownLines(path, app.settings.s3.bucket)
                : [`nothing is known of ${path}: ${whyNoRecordings(app.loaded)}`]),
              ...outline({ onDisk: found.onDisk }),
            ]
          : outline(forPeople(found, app.settings)),
      ),
  };
}

/** A name alone is read as a file of the directory that the command runs in, as a shell does: so what is asked for is said. */
function unknownLines(path: string, ours: string | undefined): readonly string[] {
  const named = objectAddress(path)?.bucket;
  if (named !== undefined && ours !== undefined && named !== ours)
    return [`nothing is known of ${path}: its bucket is ${named}, and s3.bucket is ${ours}`];
  return [
    `nothing is known of ${path}`,
    'give its whole path, its path below the landing directory, or its key; the console finds it by a part of its name',
  ];
}

/** Times in the zone of all others, and retries in the terms of the settings: `2 of at most 6 (upload.maxRetries: 5)`. */
export function forPeople(found: Trace, { timezone, upload }: Pick<Settings, 'timezone' | 'upload'>): object {
  const { maxRetries } = upload;
  const told = (value: unknown, name: string): unknown => {
    if (typeof value === 'string') return TIMES.has(name) ? localTime(value, timezone) : value;
    if (Array.isArray(value)) return value.map((one) => told(one, name));
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
      // a row of a tar that failed and of a recording: how often it was tried again, and what comes next
      if (name === 'retryCount' && typeof field === 'number')
        return [
          [
            'retries',
            `${Math.max(0, Math.min(field, maxRetries))} of at most ${maxRetries} (upload.maxRetries)`,
          ],
          ...('status' in value && value.status !== 'FAILED'
            ? []
            : [['next', outlook(field, maxRetries)] as [string, string]]),
        ];
      if (name === 'maxTries') return [];
      if (name === 'tries' && typeof field === 'number')
        return [[name, `${field} of at most ${maxRetries + 1}`]];
      return [[name, told(field, name)]];
    });
    return Object.fromEntries(fields);
  };
  return told(found, '') as object;
}

/** The fields that hold a time. */
const TIMES = new Set(['timestamp', 'modified', 'at', 'lastModified']);
