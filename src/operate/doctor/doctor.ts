import { constants, existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  embeddedSocket,
  isEmbeddedRedis,
  networkLedger,
  type LoadedSettings,
  type Settings,
  type UsedParts,
} from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import { checkStateNow } from '../health/index.ts';
import { privateState } from './private-state.ts';
import { openQueuesNow, type Queues } from '../../platform/queue/index.ts';
import { redisFindings } from './redis-findings.ts';
import { sitesFindings } from './sites-findings.ts';
import { redisAddress } from '../../platform/redis/index.ts';
import { roundedSize, runProgram, systemRandom, type Clock } from '../../platform/runtime/index.ts';
import { examinePostgres } from '../../platform/state/index.ts';
import { openStore, storePlace } from '../../platform/s3/index.ts';
import type { Finding } from './finding.ts';
import { ledgerFindings } from './ledger-findings.ts';
import { directoryFinding, nearestThere } from './directory-finding.ts';
import { lookAtKept } from './kept.ts';

type Loaded = Pick<LoadedSettings, 'settings' | 'parts' | 'file' | 'lookedAt'>;

const STORE_DEADLINE_MS = 60_000;
const STATE_DEADLINE_MS = 60_000;
const PROGRAM_DEADLINE_MS = 10_000;
const FEWEST_WATCHES = 65_536;
const FEWEST_INODES = 10_000;

/**
 * Every precondition of what this host uses, with its verdict and its remedy. Makes nothing but the probe's objects in the bucket.
 * Never throws: what stands in the way of a check is its finding.
 */
export async function examine(
  { settings, parts, file, lookedAt }: Loaded,
  report: Report,
  clock: Clock,
): Promise<readonly Finding[]> {
  const checks = [
    () => Promise.resolve([nodeVersion(), settingsFile(file, lookedAt)]),
    () => directories(settings, parts),
    () => lookAtLedger(settings, clock),
    () => disks(settings, parts),
    () => lookAtKept(settings),
    ...(parts.recordings ? [() => inotify()] : []),
    () => programs(settings),
    ...(parts.redis ? [() => redis(settings, report, clock)] : []),
    ...(parts.store ? [() => store(settings, report, clock)] : []),
  ];
  const findings: Finding[] = [];
  for (const check of checks) findings.push(...(await check()));
  return findings;
}

function settingsFile(file: string | undefined, lookedAt: readonly string[]): Finding {
  const none = `no settings file found, looked at ${lookedAt.join(' and ')}: the defaults hold`;
  const remedy = 'write one of them, or name another with --config';
  return { name: 'settings', ok: true, found: file ?? none, remedy, isAdvice: file === undefined };
}

function nodeVersion(): Finding {
  return { name: 'node', ok: true, found: process.version, remedy: 'Node 26 or newer' };
}

async function directories(settings: Settings, { recordings }: UsedParts): Promise<Finding[]> {
  const { incoming, extracted, state, log } = settings.paths;
  const wanted = [
    ...(recordings
      ? ([
          ['landing directory', incoming, constants.R_OK | constants.X_OK],
          ['extracted directory', extracted, constants.R_OK | constants.W_OK | constants.X_OK],
        ] as const)
      : []),
    ['state directory', dirname(state), constants.R_OK | constants.W_OK | constants.X_OK],
    ['log directory', dirname(log), constants.W_OK | constants.X_OK],
  ] as const;
  const findings = wanted.map(([name, path, mode]) => directoryFinding(name, path, mode));
  return Promise.all(findings);
}

async function lookAtLedger(settings: Settings, clock: Clock): Promise<readonly Finding[]> {
  const address = networkLedger(settings);
  if (address === undefined)
    return [await privateState(settings.paths.state), ...(await soundState(settings, clock))];
  try {
    return ledgerFindings(await examinePostgres({ address, clock, random: systemRandom }));
  } catch (error) {
    const { remedy } = FAULTS[faultCode(error)];
    return [{ name: 'ledger', ok: false, found: messageOf(error), remedy }];
  }
}

/** A damaged page is met only by who reads it: the whole file is looked through. */
async function soundState(settings: Settings, clock: Clock): Promise<Finding[]> {
  const name = 'state.db is sound';
  const { remedy } = FAULTS.STATE_DAMAGED;
  try {
    const check = await checkStateNow(settings, clock, AbortSignal.timeout(STATE_DEADLINE_MS));
    if (check === undefined)
      return [{ name, ok: true, found: 'not there yet, or not looked through yet', remedy }];
    const [fault] = check.faults;
    return [{ name, ok: fault === undefined, found: fault ?? `looked through at ${check.at}`, remedy }];
  } catch (error) {
    return [{ name, ok: false, found: messageOf(error), remedy: FAULTS[faultCode(error)].remedy }];
  }
}

async function disks(settings: Settings, { recordings }: UsedParts): Promise<Finding[]> {
  const { incoming, extracted, state } = settings.paths;
  const { minFreeBytes } = settings.extract;
  const places = [...(recordings ? [incoming, extracted] : []), dirname(state)];
  return Promise.all(
    places.map(async (path) => {
      try {
        const disk = await statfs(await nearestThere(path));
        const free = disk.bavail * disk.bsize;
        const inodesShort = disk.files > 0 && disk.ffree < FEWEST_INODES;
        return {
          name: `disk of ${path}`,
          ok: free > minFreeBytes && !inodesShort,
          found: `${roundedSize(free)} and ${disk.ffree} inodes free`,
          remedy: recordings
            ? `extraction waits below extract.minFreeBytes (${minFreeBytes}): free some space`
            : `free some space: what is done is noted there, and extract.minFreeBytes (${minFreeBytes}) are to be left`,
        };
      } catch (error) {
        return {
          name: `disk of ${path}`,
          ok: false,
          found: messageOf(error),
          remedy: 'mount it, or correct the path',
        };
      }
    }),
  );
}

async function inotify(): Promise<Finding[]> {
  const file = '/proc/sys/fs/inotify/max_user_watches';
  try {
    const watches = Number(await readFile(file, 'utf8'));
    return [
      {
        name: 'inotify watches',
        ok: watches >= FEWEST_WATCHES,
        found: `${watches} (one per directory that has others in it or has changed within a month)`,
        remedy: 'sysctl fs.inotify.max_user_watches=524288; until then the rescan finds what events miss',
      },
    ];
  } catch (error) {
    return [
      {
        name: 'inotify watches',
        ok: false,
        found: messageOf(error),
        remedy: 'is this Linux? The rescan works anyhow',
      },
    ];
  }
}

/** What the jobs that keep the host run. */
async function programs({ mirrors }: Settings): Promise<Finding[]> {
  if (mirrors.length === 0) return [];
  const remedy = 'mirrors need rsync: apt-get install rsync';
  try {
    const signal = AbortSignal.timeout(PROGRAM_DEADLINE_MS);
    await runProgram('rsync', ['--version'], { remedy: 'apt-get install rsync', signal });
    return [{ name: 'rsync', ok: true, found: 'installed', remedy }];
  } catch (error) {
    return [{ name: 'rsync', ok: false, found: messageOf(error), remedy }];
  }
}

async function redis(settings: Settings, report: Report, clock: Clock): Promise<Finding[]> {
  if (isEmbeddedRedis(settings.redis) && !existsSync(embeddedSocket(settings.paths.data)))
    return [await embeddedRedis()];
  let queues;
  try {
    queues = await openQueuesNow(settings, report, clock);
  } catch (error) {
    return [{ name: 'redis', ok: false, found: messageOf(error), remedy: FAULTS[faultCode(error)].remedy }];
  }
  try {
    const outage = await queues.shared.outage();
    return [
      ...redisFindings(await queues.nodes(), redisAddress(settings)),
      ...(await otherSites(queues, settings)),
      {
        name: 'uploading',
        ok: outage === undefined,
        found: outage === undefined ? 'not held back' : `paused: ${outage.message}`,
        remedy: outage === undefined ? '' : FAULTS[outage.code].remedy,
      },
    ];
  } catch (error) {
    return [
      {
        name: 'redis',
        ok: false,
        found: messageOf(error),
        remedy: FAULTS.REDIS_UNREACHABLE.remedy,
      },
    ];
  } finally {
    await queues.close();
  }
}

/** A Redis user for one site may not see the others: then nothing is said of them. */
async function otherSites(queues: Queues, settings: Settings): Promise<readonly Finding[]> {
  try {
    return sitesFindings(await queues.otherSites(), storePlace(settings.s3));
  } catch (error) {
    if (!messageOf(error).startsWith('NOPERM')) throw error;
    return [];
  }
}

/** The embedded Redis while nothing runs: `up` starts it. */
async function embeddedRedis(): Promise<Finding> {
  const name = 'redis';
  const remedy = 'apt-get install redis-server, or name a running Redis in redis.url';
  try {
    const signal = AbortSignal.timeout(PROGRAM_DEADLINE_MS);
    await runProgram('redis-server', ['--version'], { remedy, signal });
    return { name, ok: true, found: 'embedded, not running now: "wavspool up" starts it', remedy };
  } catch (error) {
    return { name, ok: false, found: messageOf(error), remedy };
  }
}

async function store(settings: Settings, report: Report, clock: Clock): Promise<Finding[]> {
  const s3 = await openStore({ settings, report, clock });
  const signal = AbortSignal.timeout(STORE_DEADLINE_MS);
  try {
    await s3.check(signal);
    const address = `${settings.s3.bucket} at ${settings.s3.endpoint ?? 'AWS'}`;
    return [{ name: 'bucket', ok: true, found: address, remedy: '' }, ...(await s3.probe(signal))];
  } catch (error) {
    return [{ name: 'bucket', ok: false, found: messageOf(error), remedy: FAULTS[faultCode(error)].remedy }];
  } finally {
    s3.close();
  }
}
