import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, opendir, rm, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { startFleet, stored, type Fleet, type Target } from './fleet.ts';
import type { PostgresServers } from '../test/support/postgres.ts';
import { postmasterOf } from './ledger-server.ts';
import { usageOf, type Usage } from './process-tree.ts';

/** What the names of wavspool's own contenders begin with. */
export const OWN = 'wavspool';

/** One run: from the moment the tars are in place until the last recording is stored. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The peaks of all processes of the contender, added up. */
  readonly peakRssBytes: number;
  /** What all processes of the contender gave the disk to write. */
  readonly writtenBytes: number;
  /** wavspool: CPU seconds of each role. */
  readonly stages?: Readonly<Record<string, number>>;
}

export interface Contender {
  readonly name: string;
  isInstalled(): boolean;
  /** Carries the tars to the target, below a prefix that is new, by way of a directory of its own in `scratch`. */
  run(
    tars: readonly string[],
    recordings: number,
    target: Target,
    prefix: string,
    scratch: string,
  ): Promise<Measured>;
}

/** What the names of those with a ledger on PostgreSQL end with. */
export const ON_POSTGRES = ', on PostgreSQL';

/**
 * wavspool as `up` runs it and as it is shipped: every commit durable, every recording synced; `copy` is `extract.copy`. With `servers`
 * its ledger is there instead of in a file, and what they use counts. A warm one has carried the same tars from another directory before,
 * as one that has run for a while: V8 has made its code quick.
 */
export function wavspool(copy: boolean, isWarm = false, servers?: PostgresServers): Contender {
  let runs = 0;
  return {
    name: `${OWN}, ${copy ? 'with' : 'without'} a copy${isWarm ? ', warm' : ''}${servers === undefined ? '' : ON_POSTGRES}`,
    isInstalled: () => true,
    run: async (tars, recordings, target, prefix, scratch) => {
      const directory = await mkdtemp(join(scratch, 'wavspool-'));
      runs += 1; // a site of its own each time: the ledger keeps the rows
      const ledger = servers && {
        state: { url: servers.url },
        site: `bench-${String(copy)}-${String(isWarm)}-${runs}`,
      };
      const fleet = await startFleet(directory, target, prefix, { extract: { copy }, ...ledger });
      const { incoming } = fleet.settings.paths;
      const roots = [
        fleet.pid,
        ...(servers === undefined ? [] : [await postmasterOf(servers.primary.directory)]),
      ];
      try {
        if (isWarm) await carry(fleet, tars, join(incoming, 'before'), recordings);
        const stagesBefore = await stages(fleet, roots[1]); // asks the fleet, so before what is counted begins
        const before = usageOfAll(roots);
        const startedAt = performance.now();
        await carry(fleet, tars, incoming, isWarm ? 2 * recordings : recordings);
        const seconds = (performance.now() - startedAt) / 1000;
        const used = usedSince(before, usageOfAll(roots));
        return { seconds, ...used, stages: difference(await stages(fleet, roots[1]), stagesBefore) };
      } finally {
        await fleet.stop();
        await rm(incoming, { recursive: true }); // links to the corpus, which the others need
        await hollowOut(directory);
      }
    },
  };
}

/** Has the fleet take the tars from a directory; until the ledger holds `recordings` stored ones. */
async function carry(
  fleet: Fleet,
  tars: readonly string[],
  directory: string,
  recordings: number,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const placed = tars.map((tar) => join(directory, basename(tar)));
  for (const [index, tar] of tars.entries()) await link(tar, placed[index] ?? '');
  await fleet.request('/api/ingest', { tars: placed });
  await stored(fleet, recordings);
}

/** The least that it takes: `bench/floor.ts`. Its start is not measured, as wavspool's is not. */
export const floor: Contender = {
  name: 'the floor',
  isInstalled: () => true,
  run: async (tars, _recordings, target, prefix) => {
    const child = fork(join(import.meta.dirname, 'floor.ts'), [JSON.stringify({ ...target, prefix })]);
    const closed = once(child, 'close');
    const told = async (): Promise<void> => {
      const [said] = (await Promise.race([once(child, 'message'), closed])) as [unknown];
      if (said !== 'ready' && said !== 'done') throw new Error(`the floor ended with ${String(said)}`);
    };
    try {
      await told();
      const before = usageOf(child.pid ?? 0);
      const startedAt = performance.now();
      child.send(tars);
      await told();
      const seconds = (performance.now() - startedAt) / 1000;
      return { seconds, ...usedSince(before, usageOf(child.pid ?? 0)) };
    } finally {
      child.kill();
      await closed;
    }
  },
};

/** A loop of `tar xf`, then `rclone copy`: the quickest thing that an operator would write. */
export function rclone(transfers: number): Contender {
  return script(`tar + rclone --transfers ${transfers}`, 'rclone', ({ endpoint, bucket }, prefix) => [
    'rclone copy "$work"',
    `":s3,provider=Ceph,env_auth=true,endpoint='${endpoint}',force_path_style=true:${bucket}/${prefix}"`,
    `--transfers ${transfers} --checkers 16 --s3-no-check-bucket --config /dev/null`,
  ]);
}

/** The same with the AWS command line. */
export const aws: Contender = script('tar + aws s3 cp', 'aws', ({ endpoint, bucket }, prefix) => [
  `aws --endpoint-url ${endpoint} --region us-east-1 s3 cp --recursive --quiet "$work" s3://${bucket}/${prefix}`,
]);

function script(
  name: string,
  program: string,
  copy: (target: Target, prefix: string) => readonly string[],
): Contender {
  return {
    name,
    isInstalled: () => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
    run: async (tars, _recordings, target, prefix, scratch) => {
      const work = await mkdtemp(join(scratch, 'peer-'));
      const commands = [
        'set -e',
        'for tar in "$@"; do tar -C "$work" -xf "$tar"; done',
        copy(target, prefix).join(' '),
      ];
      // nothing of the AWS settings that this shell happens to have
      const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
      const env = {
        ...Object.fromEntries(inherited),
        work,
        AWS_ACCESS_KEY_ID: target.accessKeyId,
        AWS_SECRET_ACCESS_KEY: target.secretAccessKey,
      };
      try {
        const startedAt = performance.now();
        const shell = spawn('bash', ['-c', commands.join('\n'), name, ...tars], {
          env,
          stdio: ['ignore', 'inherit', 'inherit'],
        });
        const { usage, code } = await watched(shell);
        const seconds = (performance.now() - startedAt) / 1000;
        if (code !== 0) throw new Error(`${name} ended with ${code}`);
        const { cpuSeconds, peakRssBytes, writtenBytes } = usage;
        return { seconds, cpuSeconds, peakRssBytes, writtenBytes };
      } finally {
        await hollowOut(work);
      }
    },
  };
}

/**
 * Frees a run's disk space and keeps its files. Removing them would make the next run pay: ext4 passes over inodes that were
 * freed lately, one by one, so creating a file took 1 ms instead of 20 µs after a run of 20,000.
 */
async function hollowOut(directory: string): Promise<void> {
  for await (const entry of await opendir(directory, { recursive: true }))
    if (entry.isFile()) await truncate(join(entry.parentPath, entry.name));
}

/** Looks at a process until it ends: what it has used is gone with it. */
async function watched(child: ChildProcess): Promise<{ usage: Usage; code: number | null }> {
  let usage: Usage = { cpuSeconds: 0, peakRssBytes: 0, largestRssBytes: 0, writtenBytes: 0 };
  const closed = once(child, 'close') as Promise<[number | null]>;
  const looking = setInterval(() => {
    const now = usageOf(child.pid ?? 0);
    usage = {
      cpuSeconds: Math.max(usage.cpuSeconds, now.cpuSeconds),
      peakRssBytes: Math.max(usage.peakRssBytes, now.peakRssBytes),
      largestRssBytes: Math.max(usage.largestRssBytes, now.largestRssBytes),
      writtenBytes: Math.max(usage.writtenBytes, now.writtenBytes),
    };
  }, 20);
  const [code] = await closed;
  clearInterval(looking);
  return { usage, code };
}

function usedSince(before: Usage, after: Usage): Pick<Usage, 'cpuSeconds' | 'peakRssBytes' | 'writtenBytes'> {
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    peakRssBytes: after.peakRssBytes,
    writtenBytes: after.writtenBytes - before.writtenBytes,
  };
}

/** CPU seconds of each role, and of the ledger's server, so far, from `/proc`, by the role's own heartbeat's pid. */
async function stages(fleet: Fleet, postmaster: number | undefined): Promise<Record<string, number>> {
  const roles = (await fleet.roles()).map(({ role, pid }) => [role, usageOf(pid).cpuSeconds] as const);
  const ledger = postmaster === undefined ? {} : { PostgreSQL: usageOf(postmaster).cpuSeconds };
  return { ...Object.fromEntries(roles), ...ledger };
}

function usageOfAll(roots: readonly number[]): Usage {
  const all = roots.map(usageOf);
  const sum = (of: (one: Usage) => number): number => all.reduce((total, one) => total + of(one), 0);
  return {
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    peakRssBytes: sum(({ peakRssBytes }) => peakRssBytes),
    largestRssBytes: Math.max(...all.map(({ largestRssBytes }) => largestRssBytes)),
    writtenBytes: sum(({ writtenBytes }) => writtenBytes),
  };
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([role, cpu]) => [role, cpu - (before[role] ?? 0)]));
}
