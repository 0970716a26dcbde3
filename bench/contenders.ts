import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdtemp, opendir, rm, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { startFleet, stored, type Fleet, type Target } from './fleet.ts';
import { usageOf, type Usage } from './process-tree.ts';

/** One run: from the moment the tars are in place until the last recording is stored. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The peaks of all processes of the contender, added up. */
  readonly peakRssBytes: number;
  /** wavspool: CPU seconds of each role. */
  readonly stages?: Readonly<Record<string, number>>;
}

export interface Contender {
  readonly name: string;
  isInstalled(): boolean;
  /** Carries the tars to the target, below a prefix that nobody has used, by way of a directory of its own in `scratch`. */
  run(
    tars: readonly string[],
    recordings: number,
    target: Target,
    prefix: string,
    scratch: string,
  ): Promise<Measured>;
}

/** wavspool as `up` runs it and as it is shipped: every commit durable, every recording synced. */
export const wavspool: Contender = {
  name: 'wavspool',
  isInstalled: () => true,
  run: async (tars, recordings, target, prefix, scratch) => {
    const directory = await mkdtemp(join(scratch, 'wavspool-'));
    const fleet = await startFleet(directory, target, prefix);
    const { incoming } = fleet.settings.paths;
    try {
      const before = usageOf(fleet.pid);
      const stagesBefore = await stages(fleet);
      const placed = tars.map((tar) => join(incoming, basename(tar)));
      const startedAt = performance.now();
      for (const [index, tar] of tars.entries()) await link(tar, placed[index] ?? '');
      await fleet.request('/api/ingest', { tars: placed });
      await stored(fleet, recordings);
      const seconds = (performance.now() - startedAt) / 1000;
      const after = usageOf(fleet.pid);
      return {
        seconds,
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        peakRssBytes: after.peakRssBytes,
        stages: difference(await stages(fleet), stagesBefore),
      };
    } finally {
      await fleet.stop();
      await rm(incoming, { recursive: true }); // links to the corpus, which the others need
      await hollowOut(directory);
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
        return { seconds, cpuSeconds: usage.cpuSeconds, peakRssBytes: usage.peakRssBytes };
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
  let usage: Usage = { cpuSeconds: 0, peakRssBytes: 0, largestRssBytes: 0 };
  const closed = once(child, 'close') as Promise<[number | null]>;
  const looking = setInterval(() => {
    const now = usageOf(child.pid ?? 0);
    usage = {
      cpuSeconds: Math.max(usage.cpuSeconds, now.cpuSeconds),
      peakRssBytes: Math.max(usage.peakRssBytes, now.peakRssBytes),
      largestRssBytes: Math.max(usage.largestRssBytes, now.largestRssBytes),
    };
  }, 20);
  const [code] = await closed;
  clearInterval(looking);
  return { usage, code };
}

/** CPU seconds of each role so far, from `/proc`, by the role's own heartbeat's pid. */
async function stages(fleet: Fleet): Promise<Record<string, number>> {
  return Object.fromEntries((await fleet.roles()).map(({ role, pid }) => [role, usageOf(pid).cpuSeconds]));
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([role, cpu]) => [role, cpu - (before[role] ?? 0)]));
}
