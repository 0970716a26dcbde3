import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, opendir, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { usageOf, type Usage } from './process-tree.ts';

const BIN = join(import.meta.dirname, '../bin/wavspool.js');

/** Where recordings go. */
export interface Target {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

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

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** wavspool as `up` runs it and as it is shipped: every commit durable, every recording synced. */
export const wavspool: Contender = {
  name: 'wavspool',
  isInstalled: () => true,
  run: async (tars, recordings, target, prefix, scratch) => {
    const directory = await mkdtemp(join(scratch, 'wavspool-'));
    const data = join(directory, 'data');
    const config = join(directory, 'wavspool.yaml');
    const port = 20_000 + (process.pid % 20_000);
    await mkdir(join(data, 'incoming'), { recursive: true });
    const { endpoint, bucket, accessKeyId, secretAccessKey } = target;
    const settings = {
      paths: { data },
      s3: { endpoint, bucket, prefix, accessKeyId, secretAccessKey },
      http: { port, token: 'bench' },
    };
    await writeFile(config, JSON.stringify(settings));
    const up = spawn(process.execPath, [BIN, 'up', '--config', config], { stdio: 'ignore' });
    try {
      await started(port);
      const before = usageOf(up.pid ?? 0);
      const stagesBefore = await stages(port);
      const placed = tars.map((tar) => join(data, 'incoming', basename(tar)));
      const startedAt = performance.now();
      for (const [index, tar] of tars.entries()) await link(tar, placed[index] ?? '');
      await ask(port, '/api/ingest', { tars: placed });
      await stored(join(data, 'state.db'), recordings);
      const seconds = (performance.now() - startedAt) / 1000;
      const after = usageOf(up.pid ?? 0);
      return {
        seconds,
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        peakRssBytes: after.peakRssBytes,
        stages: difference(await stages(port), stagesBefore),
      };
    } finally {
      await ended(up);
      await rm(join(data, 'incoming'), { recursive: true }); // links to the corpus, which the others need
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

async function started(port: number): Promise<void> {
  for (const deadline = performance.now() + 60_000; ;) {
    try {
      const { roles } = (await ask(port, '/api/status')) as { roles: unknown[] };
      if (roles.length === 5) return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(200);
  }
}

/** Until state.db tells that all of them are in the store. */
async function stored(file: string, recordings: number): Promise<void> {
  const db = new Database(file, { readonly: true });
  const count = db.prepare("SELECT count(*) FROM uploads WHERE status = 'SUCCESS'").pluck();
  try {
    while ((count.get() as number) < recordings) await sleep(20);
  } finally {
    db.close();
  }
}

/** CPU seconds of each role so far, from `/proc`, by the role's own heartbeat's pid. */
async function stages(port: number): Promise<Record<string, number>> {
  const { roles } = (await ask(port, '/api/status')) as { roles: { role: string; pid: number }[] };
  return Object.fromEntries(roles.map(({ role, pid }) => [role, usageOf(pid).cpuSeconds]));
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([role, cpu]) => [role, cpu - (before[role] ?? 0)]));
}

async function ask(port: number, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { authorization: 'Bearer bench', 'content-type': 'application/json' },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

async function ended(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}
