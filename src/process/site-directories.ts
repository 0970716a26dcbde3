import { WavspoolError } from '../domain/faults.ts';
import type { Report } from '../domain/events.ts';
import { isEmbeddedRedis, type Settings } from '../platform/config/index.ts';
import { DIRECTORY_ID, ensureDirectoryId, readDirectoryId, whyAway } from '../platform/linux/index.ts';
import {
  findElsewhere,
  knownId,
  type Elsewhere,
  type Heartbeat,
  type Presence,
  type SiteDirectories,
} from '../platform/presence/index.ts';
import type { Clock } from '../platform/runtime/index.ts';
import type { HostApp } from './app.ts';

// A job names an absolute path, and any role of its site may get it: so a site is the hosts that see the same directories. What
// tells one directory from another of the same path is a file in it.

interface SiteApp {
  readonly settings: Pick<Settings, 'site'> & { readonly paths: Readonly<Record<Which | 'data', string>> };
  readonly presence: Pick<Presence, 'heartbeats'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly report: Report;
}

type Which = keyof SiteDirectories;

/**
 * A difference counts once it has lasted so long. The roles at work put the file of a directory back at every heartbeat, every 5 s, when
 * an SFTP user has removed it, and take the id that stands there when two have made one at once: until all have said so, their heartbeats
 * tell of what was.
 */
const LASTING_MS = 15_000;
const LOOK_MS = 500;
/** Of a process that has not compared them yet, or has none to compare. */
export const UNKNOWN: SiteDirectories = { incoming: null, extracted: null };

/** Whether roles of other hosts can take the same tars: they share the site's Redis. */
export function mayBeOnManyHosts({ queues, settings, loaded }: HostApp): boolean {
  return queues !== undefined && loaded.parts.recordings && !isEmbeddedRedis(settings.redis);
}

/**
 * The ids of the directories that the roles of this process work in, which get one where they have none. Throws SITE_ELSEWHERE while a
 * role of the same site works in others. Where a directory takes no file, that is reported, and it is not compared.
 */
export async function joinSite(app: SiteApp): Promise<SiteDirectories> {
  const waitUntil = app.clock.monotonicMs() + LASTING_MS;
  for (;;) {
    const others = await app.presence.heartbeats();
    const tried = await tryToJoin(app, others);
    if ('own' in tried) return tried.own;
    if (app.clock.monotonicMs() >= waitUntil) throw tried.refusal;
    await app.clock.sleep(LOOK_MS);
  }
}

type Tried = { readonly own: SiteDirectories } | { readonly refusal: WavspoolError };

async function tryToJoin(app: SiteApp, others: readonly Heartbeat[]): Promise<Tried> {
  const own: Record<Which, string | null> = { incoming: null, extracted: null };
  for (const which of ['incoming', 'extracted'] as const) {
    if (isAway(which, app)) continue; // the role whose work it is tells of it
    const directory = app.settings.paths[which];
    try {
      const found = await readDirectoryId(directory);
      // with an id of its own it would seem to work elsewhere
      if (found === undefined && knownId(which, others) !== undefined)
        return { refusal: withoutId(which, app, others) };
      own[which] = found ?? (await ensureDirectoryId(directory)) ?? null;
    } catch (err) {
      app.report('directory without id', { directory, err });
    }
  }
  const elsewhere = findElsewhere(own, others);
  return elsewhere === undefined ? { own } : { refusal: workElsewhere(elsewhere, app) };
}

export interface Membership {
  /** What the heartbeats say of the directories. */
  readonly directories: () => SiteDirectories;
  /** Puts the ids back where they are gone. Throws SITE_ELSEWHERE when a role that started earlier works in others, and goes on to. */
  readonly renew: () => Promise<void>;
}

/** What a role that has joined its site does from then on; `startedAt` in ms since 1970. */
export function keepJoined(app: SiteApp, joined: SiteDirectories, startedAt: number): Membership {
  let own = joined;
  let differsSince: number | undefined;
  const renewed = async (which: Which): Promise<string | null> => {
    if (isAway(which, app)) return own[which];
    try {
      return (await ensureDirectoryId(app.settings.paths[which], own[which] ?? undefined)) ?? own[which];
    } catch {
      return own[which]; // it was reported at the start, or the role whose work it is tells of it
    }
  };
  return {
    directories: () => own,
    renew: async () => {
      own = { incoming: await renewed('incoming'), extracted: await renewed('extracted') };
      const elsewhere = findElsewhere(own, await app.presence.heartbeats());
      const differs = elsewhere !== undefined && elsewhere.startedAt < startedAt;
      differsSince = differs ? (differsSince ?? app.clock.monotonicMs()) : undefined;
      if (!differs || differsSince === undefined || app.clock.monotonicMs() - differsSince < LASTING_MS)
        return;
      throw workElsewhere(elsewhere, app);
    },
  };
}

/** For a process whose site is this host's alone. */
export const ALONE: Membership = { directories: () => UNKNOWN, renew: () => Promise.resolve() };

/** Below the mount point of a disk that is not there nothing is written. */
function isAway(which: Which, { settings: { paths } }: SiteApp): boolean {
  return whyAway(paths[which], paths.data) !== undefined;
}

function workElsewhere({ which, role, host, ours, theirs }: Elsewhere, { settings }: SiteApp): WavspoolError {
  const directory = settings.paths[which];
  return new WavspoolError(
    'SITE_ELSEWHERE',
    `the ${role} role on ${host} is of the site ${settings.site} too and has another paths.${which} (${theirs} there, ${ours} in ${directory}/${DIRECTORY_ID} here): it would get jobs for tars that are not there`,
  );
}

function withoutId(which: Which, { settings }: SiteApp, others: readonly Heartbeat[]): WavspoolError {
  const directory = settings.paths[which];
  const hosts = [...new Set(others.map(({ host }) => host))].join(', ');
  return new WavspoolError(
    'SITE_ELSEWHERE',
    `roles of the site ${settings.site} are at work on ${hosts}, and ${directory} has no ${DIRECTORY_ID}, so it is not the paths.${which} that they work in`,
  );
}
