import { resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { App } from '../../process/app.ts';
import type { Settings } from '../../platform/config/index.ts';
import { ingestVersions, tarsToIngest, type Ingested } from '../../ingest/rescan/index.ts';
import type { Progress } from '../../domain/recording.ts';
import { counted, printError, printJson, printTable } from '../output.ts';
import { surroundings } from '../surroundings.ts';
import { withWords } from '../with-app.ts';

const LOOK_MS = 200;
/** With nobody at work for this long, waiting is pointless without saying so. */
const NOBODY_MS = 10_000;

interface Followed {
  readonly tar: string;
  readonly error?: string;
  readonly progress: Progress;
}

/** `ingest`: these tars now, without the quiet period. */
export function ingestCommand(program: Command): void {
  program
    .command('ingest')
    .argument('<tar...>', 'tars below the landing directory')
    .option('--wait', 'stay until each recording is SUCCESS or given up')
    .description('queue these tars now')
    .action((paths: string[], options: { wait?: boolean }, command: Command) =>
      withWords(
        command,
        ({ settings }) => tarsIn(settings, paths),
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
          const followed = await follow(app, ingested, json);
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

function tarsIn(settings: Settings, paths: readonly string[]): ReturnType<typeof tarsToIngest> {
  const { cwd } = surroundings();
  return tarsToIngest(
    settings,
    paths.map((path) => resolve(cwd, path)),
  );
}

async function follow(app: App, tars: readonly Ingested[], json: boolean): Promise<readonly Followed[]> {
  const { stderr } = surroundings();
  const bar =
    !json && stderr.isTTY === true
      ? new SingleBar({
          format: '{bar} {value}/{total} recordings, {open} tars open',
          stream: stderr,
        })
      : undefined;
  const startedAt = app.clock.monotonicMs();
  let told = false;
  let shown = '';
  bar?.start(0, 0, { open: tars.length });
  for (;;) {
    const followed = await Promise.all(tars.map((tar) => look(app, tar)));
    const open = followed.filter((one) => !one.ended).length;
    const done = followed.reduce((sum, { progress }) => sum + progress.SUCCESS, 0);
    const total = followed.reduce(
      (sum, { progress: p }) => sum + p.SUCCESS + p.PENDING + p.retrying + p.givenUp,
      0,
    );
    bar?.setTotal(total);
    bar?.update(done, { open });
    const line = `${done}/${counted(total, 'recording')} uploaded, ${counted(open, 'tar')} open`;
    if (bar === undefined && !json && line !== shown) printError(line);
    shown = line;
    if (open === 0) {
      bar?.stop();
      return followed.map(({ tar, error, progress }) => ({
        tar,
        progress,
        ...(error === undefined ? {} : { error }),
      }));
    }
    if (
      !told &&
      app.clock.monotonicMs() - startedAt > NOBODY_MS &&
      (await app.queues.shared.heartbeats()).length === 0
    ) {
      printError('no wavspool role is running: nothing will happen before "wavspool up"');
      told = true;
    }
    await app.clock.sleep(LOOK_MS);
  }
}

async function look(app: App, { tar, sha256 }: Ingested): Promise<Followed & { readonly ended: boolean }> {
  const { tars } = app.ledger;
  const failed = await tars.failure(tar.path);
  const row = await tars.get(tar.path);
  const progress = await tars.progress(tar.path);
  if (failed !== undefined && failed.retryCount >= app.settings.upload.maxRetries) {
    return { tar: tar.path, error: failed.errorMessage, progress, ended: true };
  }
  const extracted =
    row?.size === tar.size && row.mtimeMs === tar.mtimeMs && (sha256 === undefined || row.sha256 === sha256);
  return { tar: tar.path, progress, ended: extracted && progress.PENDING + progress.retrying === 0 };
}
