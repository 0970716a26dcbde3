import type { Command } from 'commander';
import { openCommandApp, type App } from '../app.ts';

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
