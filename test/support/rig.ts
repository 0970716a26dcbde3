import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { errnoOf } from '../../src/domain/faults.ts';
import type { Status } from '../../src/operate/status/index.ts';
import { freePort, until } from './ports.ts';
import { untilLeft } from './processes.ts';
import { startRedis } from './redis.ts';
import { runCommand, type Ended } from './run-command.ts';
import { startS3, type TestS3 } from './s3.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

export interface StoredObject {
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The whole of wavspool as an operator runs it, on a bucket and a directory of its own. */
export interface Rig extends AsyncDisposable {
  readonly incoming: string;
  readonly extracted: string;
  readonly data: string;
  readonly s3: TestS3;
  readonly http: string;
  start(): Promise<void>;
  /** As start, without waiting for the roles. */
  launch(): Promise<void>;
  /** SIGTERM, its Redis included; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL to the supervisor or to one of its roles. */
  kill(role?: string): Promise<void>;
  /** The living process of a role, once it tells of itself: the status lists one that was killed for half a minute. */
  pidOf(role: string): Promise<number>;
  /** What the dashboard says of the site: as the command `status`, without the price of a process. */
  status(): Promise<Status>;
  /** One command that ends by itself, in this process. */
  wavspool(...args: string[]): Promise<Ended>;
  /** How its command line begins, for one whose process is the point. */
  readonly command: readonly string[];
  /** Writes a settings file with other changes and returns its path. */
  variant(changes: Readonly<Record<string, object | string>>): Promise<string>;
  /** Rows of `state.db`, read by the sqlite3 program. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
  /** Changes `state.db` behind wavspool's back, with the sqlite3 program. */
  change(sql: string): Promise<void>;
  /** Waits until there are `recordings` rows and all of them are SUCCESS. */
  settled(recordings: number): Promise<void>;
  /** The log file so far. */
  log(): Promise<string>;
  /** Every object in the bucket but the receipts: downloaded, hashed. */
  objects(): Promise<Record<string, StoredObject>>;
  /** Puts a file below the landing directory as a whole, under its final name at once. */
  land(path: string, content: Buffer): Promise<void>;
}

const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'] as const;

export interface RigOptions {
  /**
   * All roles in one process, as `work` runs them, beside a redis-server that lives and ends with it: for what is asked of the roles
   * and not of their processes. A fleet of `up` costs six times the CPU to start.
   */
  readonly together?: boolean;
}

/**
 * Starts wavspool; `incoming` is where an SFTP server lands tars, else a directory of the rig's. `changes` go over the rig's
 * settings, section by section.
 */
export async function startRig(
  incoming?: string,
  changes: Readonly<Record<string, object | number>> = {},
  { together = false }: RigOptions = {},
): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-rig-'));
  const data = join(directory, 'data');
  const landing = incoming ?? join(data, 'incoming');
  const s3 = await startS3();
  const port = await freePort();
  const config = join(directory, 'wavspool.yaml');
  const settings: Record<string, object | string | number> = {
    site: 'rig',
    paths: { data, incoming: landing },
    s3: {
      bucket: s3.bucket,
      endpoint: s3.endpoint,
      accessKeyId: s3.accessKeyId,
      secretAccessKey: s3.secretAccessKey,
    },
    arrival: { quietSeconds: 0.5, rescanSeconds: 2, incompleteAfterSeconds: 600 },
    extract: { minFreeBytes: '16MiB' },
    upload: { backoff: { initial: '100ms', max: '1s' } },
    http: { port },
    shutdownSeconds: 10,
  };
  const redis = together && changes['redis'] === undefined ? await startRedis() : undefined;
  if (redis !== undefined) settings['redis'] = { url: redis.url };
  Object.assign(settings, changed(settings, changes));
  await writeFile(config, JSON.stringify(settings), { mode: 0o600 }); // JSON is YAML
  const bin = join(ROOT, 'bin/wavspool.js');
  const http = `http://127.0.0.1:${port}`;
  const seen: Seen = new Map();
  let up: ChildProcess | undefined;

  const rows: Rig['rows'] = async (sql) => {
    const { stdout } = await run('sqlite3', ['-readonly', '-json', join(data, 'state.db'), sql]);
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as Record<string, unknown>[]);
  };
  const wavspool: Rig['wavspool'] = (...args) => runCommand(['--config', config, ...args]);
  const status: Rig['status'] = async () => {
    const token = (await readFile(join(data, 'dashboard.token'), 'utf8')).trim();
    const headers = { authorization: `Bearer ${token}` };
    let said: Status | undefined;
    await until('the dashboard can tell', async () => {
      const answer = await fetch(`${http}/api/status`, { headers });
      if (answer.ok) said = (await answer.json()) as Status;
      return answer.ok; // it is not when what it asks needs more than seconds, as on a busy machine
    });
    if (said === undefined) throw new Error('the dashboard told nothing');
    return said;
  };
  let isRedisStopped = false;
  const launch = async (): Promise<void> => {
    if (isRedisStopped) await redis?.start();
    isRedisStopped = false;
    const command = together ? ['work', ...ROLES] : ['up'];
    up = spawn(process.execPath, [bin, ...command, '--config', config], { stdio: 'ignore' });
  };
  const start = async (): Promise<void> => {
    await launch();
    await until(
      'every role is at work',
      async () => {
        return (await status()).roles.length === ROLES.length;
      },
      120_000,
    );
  };
  const stopRoles = async (): Promise<number | null> => {
    const child = up;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    child.kill('SIGTERM');
    await once(child, 'exit');
    return child.exitCode;
  };
  const stop = async (): Promise<number | null> => {
    const code = await stopRoles();
    await redis?.stop();
    isRedisStopped = true;
    return code;
  };
  const pidOf: Rig['pidOf'] = async (role) => {
    let pid: number | undefined;
    await until(
      `a ${role} role is at work`,
      async () => {
        const { roles } = await status();
        pid = roles.find((one) => one.role === role && lives(one.pid))?.pid;
        return pid !== undefined;
      },
      60_000,
    );
    if (pid === undefined) throw new Error(`no ${role} role is at work`);
    return pid;
  };
  const kill = async (role?: string): Promise<void> => {
    if (role === undefined) {
      up?.kill('SIGKILL');
      if (up?.exitCode === null && up.signalCode === null) await once(up, 'exit');
      return;
    }
    process.kill(await pidOf(role), 'SIGKILL');
  };

  const dispose = async (): Promise<void> => {
    await stop();
    await redis?.[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
    await untilLeft(directory);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    incoming: landing,
    extracted: join(data, 'extracted'),
    data,
    s3,
    http,
    start,
    launch,
    stop,
    kill,
    pidOf,
    status,
    wavspool,
    command: [process.execPath, bin, '--config', config],
    variant: async (more) => {
      const path = join(directory, `${randomUUID()}.yaml`);
      await writeFile(path, JSON.stringify(changed(settings, more)), { mode: 0o600 });
      return path;
    },
    rows,
    log: () => readFile(join(data, 'logs/wavspool.log'), 'utf8'),
    change: async (sql) => {
      await run('sqlite3', ['-cmd', '.timeout 20000', join(data, 'state.db'), sql]); // the roles write too
    },
    settled: (recordings) =>
      until(
        `${recordings} recordings are SUCCESS`,
        async () => {
          const found = await rows('SELECT status, count(*) AS n FROM uploads GROUP BY status');
          return found.length === 1 && found[0]?.['status'] === 'SUCCESS' && found[0]['n'] === recordings;
        },
        180_000, // a job whose end Redis refused stays with its worker for a lock's minute and the checks after it
      ),
    objects: () => downloaded(s3, seen),
    land: async (path, content) => {
      const target = join(landing, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(`${target}.part`, content);
      await rename(`${target}.part`, target);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** What was downloaded before, by key and the store's own marks of what is there now. */
type Seen = Map<string, StoredObject>;

/** Every object but the receipts; one that the store lists as it did before is not downloaded again. */
async function downloaded(s3: TestS3, seen: Seen): Promise<Record<string, StoredObject>> {
  const found: Record<string, StoredObject> = {};
  for (const { key, mark } of await s3.listed()) {
    if (key.startsWith('.receipts/')) continue;
    const now = `${key} ${mark}`;
    const known = seen.get(now);
    if (known !== undefined) {
      found[key] = known;
      continue;
    }
    const object = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: key }));
    const bytes = await object.Body?.transformToByteArray();
    const sha256 = createHash('sha256')
      .update(bytes ?? '')
      .digest('hex');
    found[key] = { sha256, metadata: object.Metadata ?? {} };
    seen.set(now, found[key]);
  }
  return found;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

type RigSettings = Readonly<Record<string, object | string | number>>;

function changed(settings: RigSettings, changes: RigSettings): RigSettings {
  const sections = Object.entries(changes).map(([section, change]) => {
    const before = settings[section];
    const isSection = typeof before === 'object' && typeof change === 'object';
    return [section, isSection ? { ...before, ...change } : change] as const;
  });
  return { ...settings, ...Object.fromEntries(sections) };
}
