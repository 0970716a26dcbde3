import '../../src/runtime/require-node.js';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { seededNumbers } from '../fuzz/mutate.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { formatS3Address, startGateway } from '../support/s3.ts';
import { startSshd } from '../support/sshd.ts';
import { FAULTS, secretsOf, type World } from './faults.ts';
import { lander, type Landed } from './landings.ts';

// The whole of wavspool on a bad day: a seeded driver lands tars over SFTP while it kills, flushes, cuts the network and fills
// the disk. At the end everything is healed, and an oracle that shares no code with wavspool checks every promise.

const run = promisify(execFile);
const DISK_MIB = 400;
const HEALING_MS = 300_000;

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const number = seededNumbers(seed);
console.log(`chaos for ${seconds} s with seed ${seed}`);

await using stack = new AsyncDisposableStack();
const evidence = await mkdtemp(join(tmpdir(), 'wavspool-chaos-'));
const disk = await mountDisk();
const gateway = stack.use(await startGateway());
process.env['WAVSPOOL_TEST_S3'] = formatS3Address(gateway);
const proxy = stack.use(await startFaultProxy(Number(new URL(gateway.endpoint).port)));
const sshd = stack.use(await startSshd());
if (disk !== undefined) process.env['TMPDIR'] = disk; // where the rig makes its directory
const rig = stack.use(
  await startRig(sshd.incoming, {
    s3: { endpoint: `http://127.0.0.1:${proxy.port}` },
    arrival: { quietSeconds: 0.5, rescanSeconds: 5, incompleteAfterSeconds: 8 },
    upload: { maxRetries: 5, backoff: { initial: '200ms', max: '5s' } },
  }),
);
const secrets = await secretsOf(rig);
const world: World = { rig, proxy, gateway, disk, number };

const landed: Landed[] = [];
const faults: Record<string, number> = {};
const end = performance.now() + seconds * 1000;
await Promise.all([landTars(), makeTrouble()]);
proxy.set({ kind: 'pass' });
const requeued = await heal(rig);
const wrong = await judge();
const recordings = landed.reduce((sum, tar) => sum + tar.recordings.length, 0);
const injected = Object.values(faults).reduce((sum, n) => sum + n, 0);
console.log(
  Object.entries(faults)
    .map(([name, n]) => `  ${n} × ${name}`)
    .join('\n'),
);
console.log(
  `${landed.length} tars (${landed.filter(({ good }) => !good).length} of them bad), ${recordings} recordings, ${injected} faults, ` +
    `${requeued} recordings needed an operator`,
);
if (wrong === '') console.log('every promise was kept');
else {
  await cp(rig.data, join(evidence, 'data'), {
    recursive: true,
    filter: (path) => !path.includes('/extracted/'),
  });
  console.log(`${wrong}\nevidence: ${evidence}\nagain: make chaos SECONDS=${seconds} SEED=${seed}`);
}
process.exitCode = wrong === '' ? 0 : 1;

async function landTars(): Promise<void> {
  const landing = lander(sshd, number);
  while (performance.now() < end) {
    landed.push(await landing.next());
    await delay(number(1200));
  }
}

async function makeTrouble(): Promise<void> {
  const names = Object.keys(FAULTS);
  while (performance.now() < end) {
    await delay(number(3000));
    const name = names[number(names.length)] ?? '';
    await FAULTS[name]?.(world);
    faults[name] = (faults[name] ?? 0) + 1;
  }
}

/** Waits until nothing moves any more; what has used up its retries is re-queued once, as an operator would. */
async function heal(rig: Rig): Promise<number> {
  await quiet(rig);
  const good = "status = 'FAILED' AND wav_path <> tar";
  const [row] = await rig.rows(`SELECT count(*) AS n FROM uploads WHERE ${good}`);
  const failed = Number(row?.['n'] ?? 0);
  if (failed > 0) {
    for (const { wav_path, error_message } of await rig.rows(`SELECT * FROM uploads WHERE ${good}`))
      console.log(`  given up: ${String(wav_path)}: ${String(error_message)}`);
    for (const cause of await rig.rows(`SELECT DISTINCT cause FROM uploads WHERE ${good}`))
      await rig.wavspool('requeue', '--cause', String(cause['cause']));
    await quiet(rig);
  }
  return failed;
}

async function quiet(rig: Rig): Promise<void> {
  const deadline = performance.now() + HEALING_MS;
  const goodTars = landed.filter(({ good }) => good).length;
  const open =
    "SELECT (SELECT count(*) FROM uploads WHERE status = 'PENDING' OR (status = 'FAILED' AND retry_count < 5)) AS open, " +
    '(SELECT count(*) FROM extracted_tars) AS tars, (SELECT count(*) FROM uploads WHERE wav_path = tar) AS failed';
  for (;;) {
    const [row] = await rig.rows(open).catch(() => []);
    if (row?.['open'] === 0 && row['tars'] === goodTars && row['failed'] === landed.length - goodTars) return;
    if (performance.now() > deadline) return console.log(`  not quiet in time: ${JSON.stringify(row)}`);
    await delay(500);
  }
}

/** What is wrong, a line each; empty when nothing is. */
async function judge(): Promise<string> {
  const exitCode = await rig.stop();
  const audit = await rig.wavspool('audit', '--receipts');
  const { endpoint, accessKeyId, secretAccessKey } = gateway;
  const manifest = {
    endpoint,
    accessKeyId,
    secretAccessKey,
    secrets,
    bucket: rig.s3.bucket,
    data: rig.data,
    incoming: sshd.incoming,
    tars: landed,
  };
  const path = join(evidence, 'manifest.json');
  await writeFile(path, JSON.stringify(manifest), { mode: 0o600 });
  const oracle = await run('python3', [join(import.meta.dirname, 'oracle.py'), path], {
    maxBuffer: 1 << 26,
  }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
  return [
    ...(exitCode === 0 ? [] : [`up ended with ${exitCode}`]),
    ...(audit.code === 0 ? [] : [`wavspool audit --receipts: ${audit.stdout}${audit.stderr}`]),
    ...('code' in oracle ? [`${oracle.stdout}${oracle.stderr}`] : []),
  ].join('\n');
}

/** A small disk for wavspool alone; undefined where nothing may be mounted. */
async function mountDisk(): Promise<string | undefined> {
  const path = join(evidence, 'disk');
  await mkdir(path);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', path]);
  } catch (error) {
    console.log(`  no disk is filled: ${error instanceof Error ? error.message.trim() : String(error)}`);
    return undefined;
  }
  stack.defer(async () => {
    await run('umount', ['-l', path]);
  });
  return path;
}
