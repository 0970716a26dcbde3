import type { Command } from 'commander';
import {
  openHostApp,
  openLookingApp,
  openOfflineApp,
  openSettingsApp,
  withQueues,
  type App,
  type Called,
  type HostApp,
  type LookingApp,
  type OfflineApp,
} from '../process/app.ts';
import { openMaintenance, type Maintenance } from '../maintenance/catalogue/index.ts';
import { interruptible } from './interruptible.ts';
import { calledWith, endWith } from './surroundings.ts';
import { globalOptions, type GlobalOptions } from './global-options.ts';

/** Runs `use` with an open app and closes it; what `use` returns becomes the exit code. Throws WavspoolError. */
export async function withApp(
  command: Command,
  use: (app: App, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  await withLookingApp(command, async (app, options) => use(withQueues(app), options));
}

/** As {@link withApp}, with the words of the command line as `read` understands them: a wrong one is told also while Redis is away. */
export async function withWords<Words>(
  command: Command,
  read: (app: HostApp) => Promise<Words>,
  use: (app: App, words: Words, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  await withLookingApp(command, async (app, options) => {
    const words = await read(app);
    return use(withQueues(app), words, options);
  });
}

/** As {@link withApp}, for a command of any host: there are no queues where nothing goes through Redis. */
export async function withHostApp(
  command: Command,
  use: (app: HostApp, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  await withOpened(command, openHostApp, use);
}

/** As {@link withHostApp}, for a command that only looks: it says what it can while Redis is away. */
export async function withLookingApp(
  command: Command,
  use: (app: LookingApp, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  await withOpened(command, openLookingApp, use);
}

async function withOpened<A extends { close(): Promise<void> }>(
  command: Command,
  open: (called: Called) => Promise<A>,
  use: (app: A, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  const options = globalOptions(command);
  const app = await open(calledWith(options));
  try {
    endWith(await use(app, options));
  } finally {
    await app.close();
  }
}

/** As {@link withApp}, for a command that needs neither the queues nor a running wavspool. */
export async function withOfflineApp(
  command: Command,
  use: (app: OfflineApp, options: GlobalOptions) => Promise<0 | 1>,
): Promise<void> {
  await withOpened(command, openOfflineApp, use);
}

/**
 * As {@link withApp}, for a command that keeps the host: it needs neither Redis nor state.db. Ctrl-C ends it in order, so that
 * nothing half is left.
 */
export async function withHost(
  command: Command,
  use: (maintenance: Maintenance, options: GlobalOptions, signal: AbortSignal) => Promise<0 | 1>,
): Promise<void> {
  const options = globalOptions(command);
  const app = openSettingsApp(calledWith(options));
  try {
    const maintenance = await openMaintenance(app);
    try {
      endWith(await interruptible((signal) => use(maintenance, options, signal)));
    } finally {
      maintenance.close();
    }
  } finally {
    app.close();
  }
}
