import type { Command } from 'commander';
import { openCommandApp, openOfflineApp, type App, type OfflineApp } from '../app.ts';

export interface GlobalOptions {
  readonly config: string | undefined;
  readonly json: boolean;
}

/** `--config` and `--json` of a command, wherever on the line they stood. */
export function globalOptions(command: Command): GlobalOptions {
  const { config, json } = command.optsWithGlobals<{ config?: string; json?: boolean }>();
  return { config, json: json === true };
}

/** Runs `use` with an open app and closes it; what `use` returns becomes the exit code. Throws WavspoolError. */
export async function withApp(
  command: Command,
  use: (app: App, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  const options = globalOptions(command);
  const app = await openCommandApp(options.config);
  try {
    process.exitCode = await use(app, options);
  } finally {
    await app.close();
  }
}

/** As {@link withApp}, for a command that needs neither the queues nor a running wavspool. */
export async function withOfflineApp(
  command: Command,
  use: (app: OfflineApp, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  const options = globalOptions(command);
  const app = openOfflineApp(options.config);
  try {
    process.exitCode = await use(app, options);
  } finally {
    app.close();
  }
}
