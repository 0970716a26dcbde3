import type { Command } from 'commander';

export interface GlobalOptions {
  readonly config: string | undefined;
  readonly json: boolean;
}

/** `--config` and `--json` of a command, wherever on the line they stood. */
export function globalOptions(command: Command): GlobalOptions {
  const { config, json } = command.optsWithGlobals<{ config?: string; json?: boolean }>();
  return { config, json: json === true };
}
