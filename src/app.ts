import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadSettings, type LoadedSettings, type Settings } from './config/index.ts';
import type { Level, Report } from './events.ts';
import { WavspoolError } from './faults.ts';
import { notePlace, whyAway } from './linux/index.ts';
import { createLog, type Log } from './log/index.ts';
import type { Queues } from './queue/index.ts';
import { systemClock, systemDice, type Clock, type Dice } from './runtime/index.ts';
import { openStateStore, type StateStore } from './state/index.ts';

/** What a role or a command works with. `close` ends it in the reverse order of opening. */
export interface App {
  readonly loaded: LoadedSettings;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly log: Log;
  readonly report: Report;
  readonly state: StateStore;
  readonly queues: Queues;
  close(): Promise<void>;
}

/** For roles: the log file, state.db, and queues that wait for Redis as long as it takes. Throws WavspoolError. */
export async function openApp(configFile: string | undefined, role: string): Promise<App> {
  const loaded = loadSettings(configFile === undefined ? {} : { configFile });
  const { settings } = loaded;
  const log = createLog({
    file: settings.paths.log,
    site: settings.site,
    role,
    stderrLevel: 'info',
    fileLevel: settings.log.level,
  });
  const state = open(settings, log.report);
  await notePlace(dirname(settings.paths.state), settings.paths.data);
  const { openQueues } = await loadQueues();
  return assemble(loaded, log, state, openQueues(settings, log.report, systemClock));
}

/** For commands: errors on stderr only, and REDIS_UNREACHABLE within seconds. */
export async function openCommandApp(
  configFile: string | undefined,
  stderrLevel: Level = 'warn',
): Promise<App> {
  const loaded = settingsOfCommand(configFile);
  const { settings } = loaded;
  const log = commandLog(settings, stderrLevel);
  const { openQueuesNow } = await loadQueues();
  const queues = await openQueuesNow(settings, log.report, systemClock);
  try {
    return assemble(loaded, log, open(settings, log.report), queues);
  } catch (error) {
    await queues.close();
    throw error;
  }
}

/** An app that has opened nothing but its settings. */
export interface SettingsApp extends Omit<App, 'state' | 'queues' | 'close'> {
  close(): void;
}

/** For commands that need neither Redis nor state.db: errors on stderr only. Throws SETTINGS_INVALID. */
export function openSettingsApp(configFile: string | undefined): SettingsApp {
  const loaded = settingsOfCommand(configFile);
  const { settings } = loaded;
  const log = commandLog(settings, 'warn');
  const { report } = log;
  return { loaded, settings, clock: systemClock, dice: systemDice, log, report, close: () => log.close() };
}

/** An app without queues. */
export interface OfflineApp extends SettingsApp {
  readonly state: StateStore;
}

/** For commands that need no Redis: errors on stderr only. Throws WavspoolError. */
export function openOfflineApp(configFile: string | undefined): OfflineApp {
  const app = openSettingsApp(configFile);
  const state = open(app.settings, app.report);
  return {
    ...app,
    state,
    close: () => {
      state.close();
      app.close();
    },
  };
}

/**
 * The settings of a command that asks about, or works on, what is there. Throws SETTINGS_INVALID, also in a directory that has
 * neither a settings file nor anything of an earlier run: then somebody has called it in the wrong one, and nothing is made here.
 */
export function settingsOfCommand(configFile: string | undefined): LoadedSettings {
  const loaded = loadSettings(configFile === undefined ? {} : { configFile });
  const { file, lookedAt, settings } = loaded;
  if (file === undefined && !existsSync(settings.paths.data)) {
    const message = `no settings file found, looked at ${lookedAt.join(' and ')}; and there is no ${settings.paths.data} of an earlier run`;
    throw new WavspoolError('SETTINGS_INVALID', message);
  }
  return loaded;
}

/** Loaded by whom has to do with Redis: it is a third of what a command that keeps the host would load. */
function loadQueues(): Promise<typeof import('./queue/index.ts')> {
  return import('./queue/index.ts');
}

function commandLog({ site }: Settings, stderrLevel: Level): Log {
  return createLog({ file: undefined, site, role: 'command', stderrLevel, fileLevel: 'info' });
}

/** In the empty directory that a disk leaves behind no new `state.db` is begun. */
function open(settings: Settings, report: Report): StateStore {
  const { maxRetries } = settings.upload;
  const { state, data } = settings.paths;
  const away = whyAway(dirname(state), data);
  if (away !== undefined) throw new WavspoolError('STATE_UNUSABLE', away);
  return openStateStore({
    file: state,
    maxRetries,
    clock: systemClock,
    dice: systemDice,
    report,
  });
}

function assemble(loaded: LoadedSettings, log: Log, state: StateStore, queues: Queues): App {
  return {
    loaded,
    settings: loaded.settings,
    clock: systemClock,
    dice: systemDice,
    log,
    report: log.report,
    state,
    queues,
    close: async () => {
      await queues.close();
      state.close();
      log.close();
    },
  };
}
