import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { whyNoRecordings, type App, type HostApp } from '../../process/app.ts';
import { nearestName } from '../../platform/config/index.ts';
import { ingestVersions, tarsToIngest, type Ingested } from '../../ingest/rescan/index.ts';
import type { Progress } from '../../domain/recording.ts';
import { counted, printError, printJson, printTable } from '../output.ts';
import { surroundings } from '../surroundings.ts';
import { withWords } from '../with-app.ts';
import { wordWhile } from '../word-while.ts';

const LOOK_MS = 200;
/** After this long the command says what it reads: a compressed tar has to be unpacked to its end. */
const READING_MS = 5000;
/** After this long without a role at work, the command says that it waits in vain. */
const NO_ROLE_MS = 10_000;

interface Followed {
  readonly tar: string;
  readonly error?: string;
  readonly progress: Progress;
}

/** `ingest`: these tars now, without the quiet period. */
export function ingestCommand(program: Command): void {
  program
    .command('ingest')
    .argument('<tar...>', 'tars that lie below the landing directory; also their paths below it')
    .option('--wait', 'stay until each recording is SUCCESS or given up')
    .description('queue these tars now')
    .action((paths: string[], options: { wait?: boolean }, command: Command) =>
      withWords(
        command,
        (app) => tarsIn(app, paths),
        async (app, tars, { json }) => {
          const ingested = await ingestVersions(app, tars);
          if (options.wait !== true) {
            const queued = ingested.map(({ tar, state }) => ({ tar: tar.path, state }));
            if (json) printJson({ tars: queued });
            else
              printTable(
                ['TAR', 'STATE'],
                queued.map(({ tar, state }) => [tar, state]),
              );
            return 0;
          }
          const followed = await follow(app, ingested, progressOf(json, ingested.length));
          if (json) printJson({ tars: followed });
          else
            printTable(
              ['TAR', 'SUCCESS', 'FAILED', 'ERROR'],
              followed.map(({ tar, progress, error }) => [
                tar,
                progress.SUCCESS,
                progress.givenUp,
                error ?? '',
              ]),
            );
          return followed.every(({ error, progress }) => error === undefined && progress.givenUp === 0)
            ? 0
            : 1;
        },
      ),
    );
}

/** Throws USAGE where this host takes no recordings, and for a name that is not there, with the nearest one that is. */
async function tarsIn(
  { loaded, settings, clock }: HostApp,
  paths: readonly string[],
): ReturnType<typeof tarsToIngest> {
  if (!loaded.parts.recordings)
    throw new WavspoolError('USAGE', `${whyNoRecordings(loaded)}, so there is nothing to do`);
  const tars = paths.map((path) => placeOf(path, settings.paths.incoming));
  const say = (): void =>
    printError(
      `reading ${counted(tars.length, 'tar')} to the end before anything is queued: what unpacks to much takes long, and Ctrl-C changes nothing`,
    );
  try {
    return await wordWhile(clock, READING_MS, say, () => tarsToIngest(settings, tars));
  } catch (error) {
    if (!(error instanceof WavspoolError) || error.code !== 'TAR_MISSING') throw error;
    const hints = await Promise.all(tars.map(hintOfMissing));
    throw new WavspoolError('USAGE', `${error.message}${hints.find((text) => text !== undefined) ?? ''}`, {
      cause: error,
    });
  }
}

/** A name as it is typed: where one stands, or, as `trace` takes it, below the landing directory. */
function placeOf(path: string, incoming: string): string {
  const here = resolve(surroundings().cwd, path);
  const landed = resolve(incoming, path);
  return !existsSync(here) && existsSync(landed) ? landed : here;
}

/** For a path that is not there: what else there is in its directory that may be meant, or that there is no such directory. */
async function hintOfMissing(path: string): Promise<string | undefined> {
  const directory = dirname(path);
  try {
    const names = await readdir(directory);
    if (names.includes(basename(path))) return undefined;
    const nearest = nearestName(basename(path), names);
    return nearest === undefined ? undefined : `: did you mean ${join(directory, nearest)}?`;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return `: there is no directory ${directory}`;
  }
}

async function follow(
  app: App,
  tars: readonly Ingested[],
  shown: ProgressShown,
): Promise<readonly Followed[]> {
  const startedAt = app.clock.monotonicMs();
  let told = false;
  for (;;) {
    const looks = await Promise.all(tars.map((tar) => look(app, tar)));
    const followed = looks.map(({ now }) => now);
    const open = looks.filter(({ ended }) => !ended).length;
    shown.show({ ...totalsOf(followed), open });
    if (open === 0) {
      shown.stop();
      return followed;
    }
    const mayTell = !told && app.clock.monotonicMs() - startedAt > NO_ROLE_MS;
    if (mayTell && (await app.queues.shared.heartbeats()).length === 0) {
      printError('no wavspool role is running: nothing will happen before "wavspool up"');
      told = true;
    }
    await app.clock.sleep(LOOK_MS);
  }
}

function totalsOf(followed: readonly Followed[]): { readonly done: number; readonly total: number } {
  const sum = (of: (progress: Progress) => number): number =>
    followed.reduce((total, { progress }) => total + of(progress), 0);
  return {
    done: sum(({ SUCCESS }) => SUCCESS),
    total: sum(({ SUCCESS, PENDING, retrying, givenUp }) => SUCCESS + PENDING + retrying + givenUp),
  };
}

interface ProgressShown {
  readonly show: (now: { readonly done: number; readonly total: number; readonly open: number }) => void;
  readonly stop: () => void;
}

/** A bar on a terminal, a line for each change elsewhere, nothing beside JSON. */
function progressOf(json: boolean, tars: number): ProgressShown {
  const { stderr } = surroundings();
  if (json) return { show: () => undefined, stop: () => undefined };
  if (stderr.isTTY !== true) {
    let shown = '';
    const show: ProgressShown['show'] = ({ done, total, open }) => {
      const line = `${done}/${counted(total, 'recording')} uploaded, ${counted(open, 'tar')} open`;
      if (line !== shown) printError(line);
      shown = line;
    };
    return { show, stop: () => undefined };
  }
  const format = '{bar} {value}/{total} recordings, {open} tars open';
  const bar = new SingleBar({ format, stream: stderr });
  bar.start(0, 0, { open: tars });
  return {
    show: ({ done, total, open }) => {
      bar.setTotal(total);
      bar.update(done, { open });
    },
    stop: () => bar.stop(),
  };
}

async function look(
  app: App,
  { tar, sha256 }: Ingested,
): Promise<{ readonly now: Followed; readonly ended: boolean }> {
  const { tars } = app.ledger;
  const failed = await tars.failure(tar.path);
  const row = await tars.get(tar.path);
  const progress = await tars.progress(tar.path);
  if (failed !== undefined && failed.retryCount >= app.settings.upload.maxRetries) {
    return { now: { tar: tar.path, error: failed.errorMessage, progress }, ended: true };
  }
  const extracted =
    row?.size === tar.size && row.mtimeMs === tar.mtimeMs && (sha256 === undefined || row.sha256 === sha256);
  return {
    now: { tar: tar.path, progress },
    ended: extracted && progress.PENDING + progress.retrying === 0,
  };
}
