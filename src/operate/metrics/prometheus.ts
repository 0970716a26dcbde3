import { Counter, Gauge, Registry } from 'prom-client';
import type { LandingFigures } from '../../ingest/arrival/index.ts';
import type { Status } from '../status/index.ts';

/** The `Content-Type` of {@link prometheusText}. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

type Labels = Record<string, string | number>;
interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Prometheus text of that status. Counters start again at 0 with their role. */
export async function prometheusText(status: Status): Promise<string> {
  const registry = new Registry(); // a role that is gone must be gone from the next scrape too
  registry.setDefaultLabels({ site: status.site });
  const gauge = (name: string, help: string, samples: readonly Sample[]): void => {
    if (samples.length === 0) return; // absence is not zero, which an empty gauge would say
    const labelNames = Object.keys(samples[0]?.labels ?? {});
    const metric = new Gauge({ name: `wavspool_${name}`, help, labelNames, registers: [registry] });
    for (const { labels, value } of samples) metric.set(labels, value);
  };
  addVerdict(status.verdict, gauge);
  addRows(status, gauge);
  addWork(status, gauge);
  addLanding(status, gauge);
  addMaintenance(status, gauge);
  addCopies(status, gauge);
  addRoles(status, gauge);
  addCounters(status, registry);
  return registry.metrics();
}

type AddGauge = (name: string, help: string, samples: readonly Sample[]) => void;

function addVerdict({ alive, attention, held }: Status['verdict'], gauge: AddGauge): void {
  gauge('alive', '0 while work waits that no role does', one(Number(alive)));
  gauge('needs_attention', 'Problems that an operator must do something about', one(attention.length));
  gauge(
    'problem',
    '1 for every problem that an operator must do something about',
    attention.map(({ id }) => ({ labels: { id }, value: 1 })),
  );
  gauge(
    'held',
    'Tars or recordings that wait, by what for',
    held.flatMap(({ what, cause, count }) =>
      count === null ? [] : [{ labels: { what, cause }, value: count }],
    ),
  );
}

/** Absent while `state.db` cannot be read. */
function addRows({ recordings, tars }: Status, gauge: AddGauge): void {
  if (recordings === null || tars === null) return;
  const { PENDING, SUCCESS, FAILED, givenUp, pendingBytes } = recordings;
  gauge('recordings', 'Rows of recordings by status', by('status', { PENDING, SUCCESS, FAILED }));
  gauge('recordings_given_up', 'FAILED recordings that wait for an operator', one(givenUp));
  gauge('recordings_pending_bytes', 'Bytes of the PENDING recordings', one(pendingBytes));
  gauge('tars', 'Tars by state', by('state', { extracted: tars.extracted, failed: tars.failed }));
  gauge('tars_given_up', 'Failed tars that wait for an operator', one(tars.givenUp));
}

function addLanding({ landing = {} }: Status, gauge: AddGauge): void {
  const reasons = Object.entries(landing);
  const each = (name: string, help: string, value: (figures: LandingFigures) => number): void =>
    gauge(
      `landing_${name}`,
      help,
      reasons.map(([reason, figures]) => ({ labels: { reason }, value: value(figures) })),
    );
  each('files', 'What lies in the landing directory and is not taken', ({ count }) => count);
  each('bytes', 'Bytes of these', ({ bytes }) => bytes);
  each(
    'oldest_seconds',
    'How long ago the oldest of these last changed',
    ({ oldestSeconds }) => oldestSeconds,
  );
  each('needs_attention', '1 while some of these do not go on by themselves', (figures) =>
    Number(figures.needsAttention),
  );
}

function addWork(status: Status, gauge: AddGauge): void {
  const queues = Object.entries(status.queues);
  // copies may lie in one of the directories of recordings: a path is told once
  const rooms = Object.values(status.disk).filter((room) => room != null);
  const disks = [...new Map(rooms.map((room) => [room.path, room])).values()];
  gauge(
    'recordings_failed',
    'FAILED recordings by cause',
    status.causes.map(({ cause, recordings }) => ({ labels: { cause }, value: recordings })),
  );
  gauge(
    'queue_jobs',
    'Jobs by queue and state',
    queues.flatMap(([queue, { waiting, active, delayed, failed, completed }]) =>
      by('state', { waiting, active, delayed, failed, completed }).map(({ labels, value }) => ({
        labels: { queue, ...labels },
        value,
      })),
    ),
  );
  gauge(
    'queue_paused',
    '1 while the queue is paused',
    queues.map(([queue, { paused }]) => ({ labels: { queue }, value: Number(paused) })),
  );
  gauge(
    'store_available',
    '0 while the store is unreachable',
    status.store === null ? [] : one(Number(status.store.available)),
  );
  gauge(
    'redis_available',
    '0 while Redis is unreachable',
    status.redis === null ? [] : one(Number(status.redis.available)),
  );
  gauge(
    'oldest_waiting_seconds',
    'How long the tar that waits longest has waited',
    status.oldestWaiting === null ? [] : one(status.oldestWaiting.ageSeconds),
  );
  gauge(
    'disk_free_bytes',
    'Free bytes on the disk of that path',
    disks.map(({ path, freeBytes }) => ({ labels: { path }, value: freeBytes })),
  );
  gauge(
    'disk_free_inodes',
    'Free inodes on the disk of that path',
    disks.map(({ path, freeInodes }) => ({ labels: { path }, value: freeInodes })),
  );
}

function addMaintenance(status: Status, gauge: AddGauge): void {
  addJobs(status, gauge);
  addSnapshots(status, gauge);
  addPointInTime(status, gauge);
  addRotations(status, gauge);
}

function addJobs({ schedules }: Status, gauge: AddGauge): void {
  const ran = schedules.flatMap(({ job, last }) => (last === null ? [] : [{ job, last }]));
  gauge(
    'job_last_success_timestamp_seconds',
    'When the job last ended well, in seconds since 1970; absent for never',
    schedules.flatMap(({ job, lastGood }) =>
      lastGood === null ? [] : [{ labels: { job }, value: seconds(lastGood) }],
    ),
  );
  gauge(
    'job_failed',
    '1 while the last run of the job is one that failed',
    ran.map(({ job, last }) => ({ labels: { job }, value: Number(last.outcome === 'failed') })),
  );
  gauge(
    'job_overdue',
    '1 while a run of the job is missing',
    schedules.map(({ job, overdue }) => ({ labels: { job }, value: Number(overdue) })),
  );
  gauge(
    'job_next_timestamp_seconds',
    'When the job runs next, in seconds since 1970',
    schedules.map(({ job, next }) => ({ labels: { job }, value: seconds(next) })),
  );
}

function addSnapshots({ snapshots }: Status, gauge: AddGauge): void {
  gauge(
    'snapshot_age_seconds',
    'Age of the last verified snapshot of the database',
    Object.entries(snapshots).flatMap(([database, last]) =>
      last === null ? [] : [{ labels: { database }, value: last.ageSeconds }],
    ),
  );
}

function addPointInTime({ pointInTime }: Status, gauge: AddGauge): void {
  gauge(
    'point_in_time_lag_seconds',
    'Since when nothing that was committed to the database is captured for sure',
    Object.entries(pointInTime).flatMap(([database, { lagSeconds }]) =>
      lagSeconds === null ? [] : [{ labels: { database }, value: lagSeconds }],
    ),
  );
  const offsite = Object.entries(pointInTime).flatMap(([database, one]) =>
    one.offsite === null ? [] : [{ database, ...one.offsite }],
  );
  gauge(
    'point_in_time_offsite_lag_seconds',
    'Since when something was captured of the database that is not in the bucket for sure',
    offsite.flatMap(({ database, lagSeconds }) =>
      lagSeconds === null ? [] : [{ labels: { database }, value: lagSeconds }],
    ),
  );
  gauge(
    'point_in_time_offsite_bytes',
    'Bytes of what is captured of the database and in the bucket',
    offsite.map(({ database, bytes }) => ({ labels: { database }, value: bytes })),
  );
  gauge(
    'point_in_time_bytes',
    'Bytes of what is captured of the database',
    Object.entries(pointInTime).map(([database, { bytes }]) => ({ labels: { database }, value: bytes })),
  );
}

function addRotations({ logs }: Status, gauge: AddGauge): void {
  const rotated = logs.flatMap(({ log, last }) => (last === null ? [] : [{ log, last }]));
  gauge(
    'log_rotated_timestamp_seconds',
    'When the log was last rotated, and in which way, in seconds since 1970',
    rotated.map(({ log, last }) => ({ labels: { log, way: last.way }, value: seconds(last.at) })),
  );
  gauge(
    'log_rotation_window_seconds',
    'How long lines could be lost in the last rotation of the log',
    rotated.map(({ log, last }) => ({ labels: { log }, value: last.windowUs / 1e6 })),
  );
}

function addCopies({ copies }: Status, gauge: AddGauge): void {
  const each = (
    name: string,
    help: string,
    value: (one: Status['copies'][number]) => number | undefined,
  ): void =>
    gauge(
      name,
      help,
      copies.flatMap((one) => {
        const found = value(one);
        const { kind, of, schedule } = one;
        return found === undefined ? [] : [{ labels: { kind, of, schedule }, value: found }];
      }),
    );
  // how many there are in a directory that cannot be read is unknown
  each('copies', 'Copies that the schedule made and keeps', ({ count, fault }) =>
    fault === undefined ? count : undefined,
  );
  each('copies_in_doubt', 'Copies of these that an operator has to look at', ({ inDoubt, fault }) =>
    fault === undefined ? inDoubt.length : undefined,
  );
  each(
    'copies_newest_timestamp_seconds',
    'When the newest good copy was taken, in seconds since 1970',
    (one) => (one.newest === null ? undefined : seconds(one.newest.at)),
  );
  each('copies_newest_bytes', 'Size of the newest good copy', ({ newest }) => newest?.bytes);
}

/** Seconds since 1970 of an ISO time. */
function seconds(iso: string): number {
  return Temporal.Instant.from(iso).epochMilliseconds / 1000;
}

type Beat = Status['roles'][number];

function addRoles(status: Status, gauge: AddGauge): void {
  gauge(
    'role_up',
    '1 for every role that was heard of within 30 s',
    status.roles.map((role) => ({ labels: roleLabels(role), value: 1 })),
  );
  // what a process takes is told once, with its first role
  const processes = [...Map.groupBy(status.roles, ({ host, pid }) => `${host}:${pid}`).values()].flatMap(
    ([first]) => first ?? [],
  );
  const perProcess = (name: string, help: string, value: (role: Beat) => number): void =>
    gauge(
      name,
      help,
      processes.map((role) => ({ labels: roleLabels(role), value: value(role) })),
    );
  perProcess('role_rss_bytes', 'Resident memory', ({ rssBytes }) => rssBytes);
  perProcess('role_cpu_seconds', 'CPU time since the start', ({ cpuMs }) => cpuMs / 1000);
  perProcess(
    'event_loop_delay_max_seconds',
    'Longest delay since the start',
    ({ loopMaxMs }) => loopMaxMs / 1000,
  );
  perProcess(
    'event_loop_delay_recent_seconds',
    'Longest delay since the last heartbeat',
    ({ loopRecentMs }) => loopRecentMs / 1000,
  );
}

function addCounters(status: Status, registry: Registry): void {
  const names = new Set(status.roles.flatMap(({ counters }) => Object.keys(counters)));
  for (const name of [...names].toSorted()) {
    const metric = new Counter({
      name: `wavspool_${metricName(name)}_total`,
      help: `${name}, since the start of the role`,
      labelNames: ['role', 'host', 'pid'],
      registers: [registry],
    });
    for (const role of status.roles) {
      const value = role.counters[name];
      if (value !== undefined) metric.inc(roleLabels(role), value);
    }
  }
}

/** `recordingsUploaded` → `recordings_uploaded`. */
function metricName(counter: string): string {
  return counter
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

function roleLabels({ role, host, pid }: Beat): Labels {
  return { role, host, pid };
}

function by(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}
