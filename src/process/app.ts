import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadSettings, networkLedger, type LoadedSettings, type Settings } from '../platform/config/index.ts';
import type { Level } from '../domain/event-levels.ts';
import type { Report } from '../domain/events.ts';
import { WavspoolError } from '../domain/faults.ts';
import { notePlace } from '../platform/linux/index.ts';
import { openReporting, type Reporting } from '../platform/log/index.ts';
import { presenceInFiles, type Presence } from '../platform/presence/index.ts';
import type { Queues } from '../platform/queue/index.ts';
import { systemClock, systemRandom, type Clock, type Random } from '../platform/runtime/index.ts';
import type { Ledger } from '../domain/ledger.ts';
import { openLedger } from './open-ledger.ts';

/** What a role or a command works with on any host. `close` ends it in the reverse order of opening. */
export interface HostApp {
  readonly loaded: LoadedSettings;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly reporting: Reporting;
  /** As `reporting.report`. */
  readonly report: Report;
  readonly ledger: Ledger;
  /** Who is at work: in Redis, or where nothing goes through it, in the data directory. */
  readonly presence: Presence;
  /** Undefined where nothing goes through Redis. */
  readonly queues: Queues | undefined;
  close(): Promise<void>;
}

/** What works with recordings works with their queues. */
export interface App extends HostApp {
  readonly queues: Queues;
}

/** For roles: the log file, state.db, and queues that wait for Redis as long as it takes. Throws WavspoolError. */
export async function openApp(configFile: string | undefined, role: string): Promise<HostApp> {
  const loaded = loadSettings(configFile === undefined ? {} : { configFile });
  const { settings } = loaded;
  const reporting = openReporting(
    {
      file: settings.paths.log,
      site: settings.site,
      role,
      stderrLevel: 'info',
      fileLevel: settings.log.level,
    },
    systemClock,
  );
  const { report } = reporting;
  const ledger = await openLedger(settings, report);
  if (networkLedger(settings) === undefined)
    await notePlace(dirname(settings.paths.state), settings.paths.data);
  const queues = loaded.parts.redis
    ? (await loadQueues()).openQueues(settings, report, systemClock)
    : undefined;
  return assemble(loaded, reporting, ledger, queues);
}

/** How and where a command was called. */
export interface Called {
  /** What `--config` names; relative to `cwd`. */
  readonly configFile: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** A site of the ledger, instead of that of the settings. */
  readonly site?: string | undefined;
  /** Takes what is reported while it runs. */
  readonly stderr: (text: string) => void;
}

/**
 * For commands of any host: errors on stderr only, REDIS_UNREACHABLE within seconds, and no queues where nothing goes through Redis.
 */
export async function openHostApp(called: Called): Promise<HostApp> {
  const loaded = settingsOfCommand(called);
  const { settings } = loaded;
  const reporting = commandReporting(settings, called);
  const { report } = reporting;
  const queues = loaded.parts.redis
    ? await (await loadQueues()).openQueuesNow(settings, report, systemClock)
    : undefined;
  try {
    return assemble(loaded, reporting, await openLedger(settings, report), queues);
  } catch (error) {
    await queues?.close();
    throw error;
  }
}

/** An app that looks: what it can tell without Redis it tells. */
export interface LookingApp extends HostApp {
  /** Why Redis cannot be asked, though work goes through it. */
  readonly redisFault: WavspoolError | undefined;
}

/** For commands that only look: as {@link openHostApp}, but a Redis that does not answer is no reason to say nothing. */
export async function openLookingApp(called: Called): Promise<LookingApp> {
  try {
    return { ...(await openHostApp(called)), redisFault: undefined };
  } catch (error) {
    if (!(error instanceof WavspoolError) || error.code !== 'REDIS_UNREACHABLE') throw error;
    const loaded = settingsOfCommand(called);
    const reporting = commandReporting(loaded.settings, called);
    return {
      ...assemble(loaded, reporting, await openLedger(loaded.settings, reporting.report), undefined),
      redisFault: error,
    };
  }
}

/**
 * What works with recordings, from an app that only looks. Throws USAGE where nothing goes through Redis, for there is nothing to do, and
 * REDIS_UNREACHABLE while it is away.
 */
export function withQueues({ queues, redisFault, ...app }: LookingApp): App {
  if (queues !== undefined) return { ...app, queues };
  throw redisFault ?? new WavspoolError('USAGE', `${whyNoRecordings(app.loaded)}, so there is nothing to do`);
}

/** Says why a host takes no recordings: the settings name none, and nowhere to land. */
export function whyNoRecordings({ file, settings }: LoadedSettings): string {
  return `${file ?? 'the settings'} takes no recordings (it names none of paths.incoming, arrival, extract, upload, cleanup, s3, and there is no ${settings.paths.incoming})`;
}

/** Whether there are recordings to audit: where the settings take none, those that an earlier time has left. */
export async function hasRecordings({
  loaded,
  ledger,
}: Pick<HostApp, 'loaded' | 'ledger'>): Promise<boolean> {
  const { PENDING, SUCCESS, FAILED, failedTars } = await ledger.catalogue.counts();
  return loaded.parts.recordings || PENDING + SUCCESS + FAILED + failedTars > 0;
}

/** An app that has opened nothing but its settings. */
export interface SettingsApp extends Omit<HostApp, 'ledger' | 'presence' | 'queues' | 'close'> {
  close(): void;
}

/** For commands that need neither Redis nor state.db: errors on stderr only. Throws SETTINGS_INVALID. */
export function openSettingsApp(called: Called): SettingsApp {
  const loaded = settingsOfCommand(called);
  const { settings } = loaded;
  const reporting = commandReporting(settings, called);
  const { report, close } = reporting;
  return { loaded, settings, clock: systemClock, random: systemRandom, reporting, report, close };
}

/** An app without queues. */
export interface OfflineApp extends Omit<SettingsApp, 'close'> {
  readonly ledger: Ledger;
  close(): Promise<void>;
}

/** For commands that need no Redis: errors on stderr only. Throws WavspoolError. */
export async function openOfflineApp(called: Called): Promise<OfflineApp> {
  const app = openSettingsApp(called);
  const ledger = await openLedger(app.settings, app.report);
  return {
    ...app,
    ledger,
    close: async () => {
      await ledger.close();
      app.close();
    },
  };
}

/**
 * The settings of a command that asks about, or works on, what is there. Throws SETTINGS_INVALID, also in a directory that has
 * neither a settings file nor anything of an earlier run: then an operator has called it in the wrong one, and nothing is made here.
 */
export function settingsOfCommand({ configFile, env, cwd, site }: Called): LoadedSettings {
  const loaded = loadSettings({ configFile, env, cwd });
  const { file, lookedAt, settings } = loaded;
  if (file === undefined && !existsSync(settings.paths.data)) {
    const message = `no settings file found, looked at ${lookedAt.join(' and ')}; and there is no ${settings.paths.data} of an earlier run: name the file with --config, or write one with "wavspool init"`;
    throw new WavspoolError('SETTINGS_INVALID', message);
  }
  return site === undefined ? loaded : { ...loaded, settings: { ...settings, site } };
}

/** Loaded by whom has to do with Redis: it is a third of what a command that keeps the host would load. */
function loadQueues(): Promise<typeof import('../platform/queue/index.ts')> {
  return import('../platform/queue/index.ts');
}

/**
 * What a command says on stderr, and in the log of a wavspool that has run here: who did what is read there. It begins no log, which
 * would be root's where a role of another user goes on with it.
 */
export function commandReporting(
  { site, paths, log }: Settings,
  { stderr }: Pick<Called, 'stderr'>,
  stderrLevel: Level = 'warn',
): Reporting {
  const file = existsSync(paths.log) ? paths.log : undefined;
  return openReporting(
    { file, site, role: 'command', stderr, stderrLevel, fileLevel: log.level },
    systemClock,
  );
}

function assemble(
  loaded: LoadedSettings,
  reporting: Reporting,
  ledger: Ledger,
  queues: Queues | undefined,
): HostApp {
  const { settings } = loaded;
  return {
    loaded,
    settings,
    clock: systemClock,
    random: systemRandom,
    reporting,
    report: reporting.report,
    ledger,
    presence: queues?.shared ?? presenceInFiles(settings.paths.data, systemClock),
    queues,
    close: async () => {
      await queues?.close();
      await ledger.close();
      reporting.close();
    },
  };
}
