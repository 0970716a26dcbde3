import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { chromium, type Browser } from 'playwright-core';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { TarVersion } from '../../src/domain/tar.ts';
import { ingestTars } from '../../src/ingest/rescan/index.ts';
import { maintenanceApi, openMaintenance } from '../../src/maintenance/catalogue/index.ts';
import { readPauses } from '../../src/operate/pause/index.ts';
import { failureFilter, requeue } from '../../src/operate/requeue/index.ts';
import { loadSettings, Secret, type Settings } from '../../src/platform/config/index.ts';
import { openQueues, type HeldWork, type Queues } from '../../src/platform/queue/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import { auditInProcess } from '../../src/process/audit/index.ts';
import { startDashboard } from '../../src/web/server.ts';
import { startPathProxy } from './path-proxy.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { startS3, type TestS3 } from './s3.ts';
import { makeWav, type WavShape } from './wavs.ts';

export const TOKEN = 'the-token';
export const READ_ONLY = 'the-read-only-token';

/** A console over a site of its own, without the roles: its ledger, queues and log say what a test writes into them. */
export interface ConsoleRig extends AsyncDisposable {
  readonly address: string;
  readonly directory: string;
  readonly settings: Settings;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly redis: TestRedis;
  readonly s3: TestS3;
  /** Everything that was reported. */
  readonly reported: readonly string[];
  /** A tar with these recordings, PENDING, one member that was skipped and so many that were refused. */
  extract(tar: string, recordings: readonly RecordingOf[], mtimeMs?: number, refused?: number): Promise<void>;
  /** Puts a recording that was extracted into the bucket. */
  upload(path: string, shape: WavShape): Promise<void>;
  /** A line in the log, as a role writes it. */
  log(event: string, fields: object, at?: number, level?: string): Promise<void>;
  /** Says that a role is at work, or what it waits for. */
  beat(role: string, held?: HeldWork): Promise<void>;
}

export interface RecordingOf {
  readonly path: string;
  readonly shape: WavShape;
}

export const CALL: WavShape = { codec: 'pcm16', sampleRate: 8000, channels: 1, seconds: 2, seed: 7 };

/** With a `basePath` it lies below that path of a reverse proxy, whose other addresses are somebody else's. */
export async function startConsole(basePath = '/'): Promise<ConsoleRig> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-console-'));
  const [redis, s3] = await Promise.all([startRedis({ appendOnly: 'off' }), startS3()]);
  const { settings, loaded } = await settingsIn(directory, redis, s3, basePath);
  const reported: string[] = [];
  const report = (event: string, fields: object): void =>
    void reported.push(`${event} ${JSON.stringify(fields)}`);
  const clock = systemClock;
  const queues = openQueues(settings, report, clock);
  const ledger = await openSqliteLedger({
    file: settings.paths.state,
    maxRetries: 5,
    clock,
    random: Math.random,
    report,
  });
  const host = await openMaintenance({ settings, clock, random: Math.random, report });
  const deps = { settings, ledger, queues, clock, report };
  const dashboard = await startDashboard({
    ...deps,
    loaded,
    parts: { recordings: true, store: true, redis: true },
    presence: queues.shared,
    requeue: async (words, tars, { dryRun }) =>
      requeue(deps, { ...(await failureFilter(deps, words)), tars, dryRun }, 'dashboard'),
    ingest: (tars) => ingestTars(deps, tars),
    runAudit: (words, heard, signal) =>
      auditInProcess({ clock, configFile: loaded.file }, words, heard, signal),
    pauses: () => readPauses({ settings, ledger, clock }),
    host: maintenanceApi(host, AbortSignal.timeout(600_000)),
    token: new Secret(TOKEN),
  });
  const proxy = basePath === '/' ? undefined : await startPathProxy(dashboard.address, basePath);
  return {
    address: proxy?.address ?? dashboard.address,
    directory,
    settings,
    ledger,
    queues,
    redis,
    s3,
    reported,
    extract: (tar, recordings, mtimeMs = Date.now(), refused = 0) =>
      extract(ledger, { path: tar, size: 4096 + recordings.length * 32_000, mtimeMs }, recordings, refused),
    upload: async (path, shape) => {
      const body = makeWav(shape);
      const key = path.slice(settings.paths.extracted.length + 1);
      await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: body }));
      await ledger.recordings.stored(path, {
        key,
        size: body.length,
        sha256: sha256(body),
        etag: 'e',
        versionId: undefined,
      });
    },
    log: async (event, fields, at = Date.now(), level = 'info') => {
      const line = {
        time: new Date(at).toISOString(),
        level,
        msg: event,
        site: settings.site,
        role: 'upload',
        pid: 7,
        ...fields,
      };
      await appendFile(settings.paths.log, `${JSON.stringify(line)}\n`);
    },
    beat: (role, held) => beat(queues, role, held),
    [Symbol.asyncDispose]: async () => {
      await proxy?.[Symbol.asyncDispose]();
      await dashboard.stop();
      await queues.close();
      host.close();
      await ledger.close();
      await Promise.all([redis[Symbol.asyncDispose](), s3[Symbol.asyncDispose]()]);
      await rm(directory, { recursive: true });
    },
  };
}

async function settingsIn(directory: string, redis: TestRedis, s3: TestS3, basePath: string) {
  const data = join(directory, 'data');
  await mkdir(join(data, 'incoming'), { recursive: true });
  await mkdir(join(data, 'extracted'));
  await mkdir(join(data, 'logs'));
  const prompts = join(directory, 'prompts');
  await mkdir(prompts);
  await writeFile(join(prompts, 'welcome.txt'), 'welcome');
  const file = join(directory, 'wavspool.yaml');
  await writeFile(
    file,
    `site: demo
paths: { data: ${data} }
redis: { url: "${redis.url}" }
s3: { bucket: ${s3.bucket}, endpoint: "${s3.endpoint}", accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }
http: { port: 0, readOnlyToken: ${READ_ONLY}, basePath: ${basePath} }
extract: { minFreeBytes: 1MiB }
upload: { maxRetries: 5 }
databases:
  - { name: state, path: <data>/state.db, snapshots: [
      { name: daily, cron: "0 2 * * *", dir: <data>/copies, file: "state_{YYYY-MM-DD-HH-mm-ss}.db", keep: { days: 30 } } ],
      exports: [
      { name: calls, cron: "0 3 * * 0", tables: [uploads], dir: <data>/exports, file: "calls-{YYYY-MM-DD}.sql", keep: { last: 4 } } ] }
mirrors:
  - { name: prompts, sources: { prompts: ${prompts} }, databases: [state], dir: <data>/mirrors, cron: "0 4 * * *", keep: { last: 7 } }
`,
  );
  await writeFile(join(data, 'logs/wavspool.log'), '');
  const loaded = loadSettings({ configFile: file, env: {} });
  return { settings: loaded.settings, loaded };
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

async function extract(
  ledger: Ledger,
  tar: TarVersion,
  recordings: readonly RecordingOf[],
  refused: number,
): Promise<void> {
  const rows = recordings.map(({ path, shape }) => {
    const body = makeWav(shape);
    return {
      path,
      member: path.slice(path.lastIndexOf('/') + 1),
      size: body.length,
      sha256: sha256(body),
      wav: {
        valid: true,
        durationMs: shape.seconds * 1000,
        codec: shape.codec === 'pcm16' ? 'pcm' : shape.codec,
        sampleRate: shape.sampleRate,
        channels: shape.channels,
      },
    };
  });
  const bytes = rows.reduce((sum, { size }) => sum + size, 0);
  const summary = {
    sha256: sha256(Buffer.from(tar.path)),
    skipped: 1,
    refused,
    batchSize: 1,
    recordings: rows.length,
    bytes,
  };
  await ledger.tars.commit(tar, { recordings: [rows], refused: [], summary });
}

async function beat(queues: Queues, role: string, held?: HeldWork): Promise<void> {
  const now = Date.now();
  await queues.shared.beat({
    role,
    host: 'sftp-1',
    pid: 4000 + role.length,
    startedAt: now - 3 * 3_600_000,
    at: now + 20_000, // it is heard of for as long as a test takes
    rssBytes: 96 * 1024 * 1024,
    peakRssBytes: 120 * 1024 * 1024,
    cpuMs: 1500,
    loopMaxMs: 20,
    loopRecentMs: 2,
    jobs: { active: 0, finished: 812, lastFinishedMsAgo: 10 },
    counters: {},
    ...(held !== undefined && { held }),
  });
}

const CHROMIUM = '/usr/bin/chromium';

/** Debian's Chromium, which asks nothing of other hosts. Throws where it is not installed. */
export async function launchChromium(): Promise<Browser> {
  if (!existsSync(CHROMIUM))
    throw new Error(`there is no ${CHROMIUM}: "infra/install.sh test" installs what the tests need`);
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
}
