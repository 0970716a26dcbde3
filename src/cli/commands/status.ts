import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { openLookingApp, type LookingApp } from '../../process/app.ts';
import { requireSharedRedis, type AskedSite } from '../../process/sites.ts';
import {
  maintenanceJobs,
  maintenanceStatus,
  openMaintenance,
  type Maintenance,
} from '../../maintenance/catalogue/index.ts';
import { readPauses } from '../../operate/pause/index.ts';
import { roundedSize } from '../../platform/runtime/index.ts';
import { collectStatus, lookAtQueues, type Status } from '../../operate/status/index.ts';
import { checkStateNow, isWell, type StateCheck } from '../../operate/health/index.ts';
import { copiesLines } from '../copies-lines.ts';
import { localTime } from '../times.ts';
import { verdictLines } from '../verdict-lines.ts';
import { clearScreen, counted, printJson, printLines } from '../output.ts';
import { siteOption, withSites, type Remote, type Said } from '../with-sites.ts';
import { withLookingApp } from '../with-app.ts';

const WATCH_MS = 2000;

/** `status`: how far everything is; exit 1 when something has failed or stalled. */
export function statusCommand(program: Command): void {
  siteOption(program.command('status'))
    .option('--watch', 'show it again every 2 s until Ctrl-C')
    .description('counts, queues, rates, the store, disks and roles; exit 1 if something is wrong')
    .action((options: { watch?: boolean; site?: string }, command: Command) =>
      options.watch === true
        ? watch(command, options.site)
        : withSites(command, openLookingApp, lookOnce, THROUGH_API),
    );
}

const THROUGH_API: Remote = {
  isOfHost: true,
  say: async (api, _asked, { timezone }) => {
    const status = (await api.ask({ method: 'GET', path: '/api/status' })) as Status;
    return {
      code: isWell(status.verdict) ? 0 : 1,
      document: status,
      print: () => printLines(describe(status, timezone)),
    };
  },
};

async function lookOnce(app: LookingApp, { isElsewhere }: AskedSite): Promise<Said> {
  const status = isElsewhere ? await lookElsewhere(app) : await (await lookHere(app))();
  const { disk, snapshots, copies, pointInTime, schedules, logs, ...work } = status;
  const ofHost = { disk, snapshots, copies, pointInTime, schedules, logs };
  return {
    code: isWell(status.verdict) ? 0 : 1,
    document: isElsewhere ? work : { ...work, ...ofHost }, // what is not known is absent
    print: () => printLines(describe(status, app.settings.timezone, isElsewhere)),
  };
}

/** Shows it again and again, until Ctrl-C. */
async function watch(command: Command, site: string | undefined): Promise<void> {
  if (site !== undefined) throw new WavspoolError('USAGE', '--watch shows the site of the settings only');
  await withLookingApp(command, async (app, { json }) => {
    const lookAgain = await lookHere(app);
    for (;;) {
      const status = await lookAgain();
      if (json) printJson(status);
      else {
        clearScreen();
        printLines(describe(status, app.settings.timezone));
      }
      await app.clock.sleep(WATCH_MS);
    }
  });
}

/** How to look at this host; `state.db` is looked through once. */
async function lookHere(app: LookingApp): Promise<() => Promise<Status>> {
  const maintenance = await openMaintenance(app);
  const check = await checkStateNow(app.settings, app.clock, new AbortController().signal);
  return () => look(app, maintenance, check);
}

/** What the ledger and Redis tell of a site whose disks, copies and logs are another host's. Throws SITE_UNASKED where its Redis is not asked. */
async function lookElsewhere(app: LookingApp): Promise<Status> {
  const { settings } = app;
  requireSharedRedis(settings);
  return collectStatus({
    settings,
    parts: { ...app.loaded.parts, recordings: true },
    isElsewhere: true,
    catalogue: app.ledger.catalogue,
    queues: questionsToRedis(app),
    presence: app.presence,
    clock: app.clock,
    pauses: () => readPauses(app),
    stateCheck: () => Promise.resolve(undefined),
    maintenance: () =>
      Promise.resolve({ snapshots: {}, copies: [], pointInTime: {}, schedules: [], logs: [] }),
  });
}

function look(app: LookingApp, maintenance: Maintenance, check: StateCheck | undefined): Promise<Status> {
  return collectStatus({
    settings: app.settings,
    parts: app.loaded.parts,
    catalogue: app.ledger.catalogue,
    queues: questionsToRedis(app),
    presence: app.presence,
    clock: app.clock,
    pauses: () => readPauses(app),
    stateCheck: () => Promise.resolve(check),
    // of all that lies there, not of each: reading tars is for who asks for them
    landing: async () => {
      // it is asked only where recordings land and no watch role runs, and brings the queues with it
      const { landingOf } = await import('../../operate/landing/index.ts');
      return (await landingOf(app, { limit: 0 })).figures;
    },
    maintenance: () => maintenanceStatus(maintenance, maintenanceJobs(maintenance)),
  });
}

function questionsToRedis({
  queues,
  redisFault,
}: LookingApp): (() => ReturnType<typeof lookAtQueues>) | undefined {
  if (queues !== undefined) return () => lookAtQueues(queues);
  return redisFault === undefined ? undefined : () => Promise.reject(redisFault);
}

function describe(status: Status, timezone: string, isElsewhere = false): readonly string[] {
  const time = (iso: string): string => localTime(iso, timezone);
  const { uses, redis } = status;
  const queues = Object.entries(status.queues).map(([name, queue]) => {
    const paused = queue.paused
      ? `  PAUSED${queue.reason === undefined ? '' : `: ${queue.reason}`}${queue.until ? ` (until ${time(queue.until)})` : ''}`
      : '';
    return `  ${name.padEnd(12)} ${queue.waiting} waiting, ${queue.active} active, ${queue.delayed} delayed, ${queue.failed} failed${paused}`;
  });
  const roles = status.roles.map(
    ({ role, host, pid, rssBytes, loopMaxMs }) =>
      `  ${role.padEnd(12)} ${host}:${pid}, ${Math.round(rssBytes / 1e6)} MB, event loop held up ${loopMaxMs} ms at most`,
  );
  return [
    `site ${status.site}, ${time(status.at)}`,
    ...verdictLines(status, timezone),
    ...(uses.recordings ? [...describeRows(status), ...describeWay(status, time)] : []),
    ...(redis?.available === false
      ? [`Redis          UNREACHABLE: ${redis.message ?? ''}`]
      : [redis === null ? 'jobs' : 'queues', ...queues]),
    ...(isElsewhere ? [] : [...describeDisks(status), ...describeMaintenance(status, time)]),
    redis?.available === false ? 'roles are not known' : roles.length === 0 ? 'no role is running' : 'roles',
    ...roles,
  ];
}

function describeDisks({ disk }: Status): readonly string[] {
  return [
    'disk',
    ...Object.entries(disk).map(([name, room]) =>
      room == null
        ? `  ${name.padEnd(12)} not there`
        : `  ${name.padEnd(12)} ${roundedSize(room.freeBytes)} free, ${room.freeInodes} inodes free`,
    ),
  ];
}

function describeRows({ recordings, tars, rates }: Status): readonly string[] {
  if (recordings === null || tars === null || rates === null)
    return ['recordings     the ledger cannot be read'];
  return [
    `recordings     ${recordings.SUCCESS} in the bucket, ${recordings.PENDING} pending (${roundedSize(recordings.pendingBytes)}), ${recordings.FAILED} failed, ${recordings.givenUp} need attention`,
    `tars           ${tars.extracted} extracted, ${tars.failed} failed, ${tars.givenUp} need attention`,
    `rates          ${counted(rates.recordingsLastMinute, 'recording')} in the last minute, ${rates.recordingsLastHour} in the last hour`,
  ];
}

function describeWay(
  { store, oldestWaiting, redis }: Status,
  time: (iso: string) => string,
): readonly string[] {
  if (redis?.available === false) return []; // what waits, and whether the store is away, stands in Redis
  const away = (since: string | undefined): string => (since === undefined ? '?' : time(since));
  return [
    `oldest waiting ${oldestWaiting === null ? 'none' : `${oldestWaiting.tar}, ${oldestWaiting.ageSeconds} s`}`,
    `storage        ${store?.available !== false ? 'available' : `UNAVAILABLE since ${away(store.since)}: ${store.message ?? store.cause ?? ''}`}`,
  ];
}

function describeMaintenance(
  { snapshots, copies, schedules }: Status,
  time: (iso: string) => string,
): readonly string[] {
  return [
    'last snapshots',
    ...Object.entries(snapshots).map(([database, last]) =>
      last === null
        ? `  ${database.padEnd(12)} none yet`
        : `  ${database.padEnd(12)} ${time(last.at)}, ${last.path}`,
    ),
    ...(copies.length === 0 ? [] : ['copies', ...copiesLines(copies, time)]),
    'schedules',
    ...schedules.map(({ job, next, last }) => {
      const ended = last === null ? 'not run yet' : `${last.outcome} ${time(last.at)}`;
      const why = last?.reason === undefined ? '' : `: ${last.reason}`;
      return `  ${job.padEnd(24)} next ${time(next)}, ${ended}${why}`;
    }),
  ];
}
