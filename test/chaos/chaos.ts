import '../../src/platform/runtime/require-node.js';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect, parseArgs, promisify } from 'node:util';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { formatS3Address, startGateway } from '../support/s3.ts';
import { startSshd } from '../support/sshd.ts';
import { INSIDE, OUTSIDE, TARS, keepUp, secretsOf, type Fault } from './faults.ts';
import { lander, type Landed } from './landings.ts';
import { numbersFor } from './numbers.ts';

// The whole of wavspool on a bad day: a seeded driver lands tars over SFTP while it kills, flushes, cuts the network and fills
// the disk. At the end everything is healed, and an oracle that shares no code with wavspool checks every promise.

const run = promisify(execFile);
const HEALING_MS = 300_000;
const SEEN_BACK_MS = 90_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    /** `extract.copy`: `true`, `false`, or as an even or odd seed says. */
    copy: { type: 'string', default: 'by seed' },
  },
});
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const copy = values.copy === 'by seed' ? seed % 2 === 0 : values.copy === 'true';
const again = `make chaos SECONDS=${seconds} SEED=${seed} COPY=${copy}`;
console.log(`chaos for ${seconds} s with seed ${seed}, extract.copy: ${copy}`);

await using stack = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(`ended by ${signal}; again: ${again}`);
    void stack.disposeAsync().finally(() => process.exit(1)); // else the store and the mount would stay
  });
}
const evidence = await mkdtemp(join(tmpdir(), 'wavspool-chaos-'));
let isEvidenceNeeded = true;
stack.defer(async () => {
  if (!isEvidenceNeeded) await rm(evidence, { recursive: true });
});
const disk = await mountDisk(200 + 2 * seconds); // what lands in that time, and as much again
const gateway = stack.use(await startGateway('disk'));
process.env['WAVSPOOL_TEST_S3'] = formatS3Address(gateway);
const proxy = stack.use(await startFaultProxy(Number(new URL(gateway.endpoint).port)));
const sshd = stack.use(await startSshd());
if (disk !== undefined) process.env['TMPDIR'] = disk; // where the rig makes its directory
const rig = stack.use(
  await startRig(sshd.incoming, {
    extract: { copy },
    s3: { endpoint: `http://127.0.0.1:${proxy.port}` },
    arrival: { quietSeconds: 0.5, rescanSeconds: 5, incompleteAfterSeconds: 8 },
    upload: {
      maxRetries: 5,
      backoff: { initial: '200ms', max: '5s' },
      multipartBytes: '5MiB',
      concurrency: 4, // few, so that jobs carry several recordings each
    },
  }),
);
const secrets = await secretsOf(rig);

const landed: Landed[] = [];
const faults: Record<string, number> = {};
const end = performance.now() + seconds * 1000;
const wrong = await judgement().catch((error: unknown) => `the run broke off: ${inspect(error)}`);
console.log(
  Object.entries(faults)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, n]) => `  ${n} × ${name}`)
    .join('\n'),
);
const recordings = landed.reduce((sum, tar) => sum + tar.recordings.length, 0);
const injected = Object.values(faults).reduce((sum, n) => sum + n, 0);
const bad = landed.filter(({ good }) => !good).length;
console.log(`${landed.length} tars (${bad} of them bad), ${recordings} recordings, ${injected} faults`);
if (wrong === '') {
  console.log('every promise was kept');
  isEvidenceNeeded = false;
} else {
  const without = /\/extracted\/|\.sock$/; // the recordings are in the tars, which the seed makes again
  await cp(rig.data, join(evidence, 'data'), { recursive: true, filter: (path) => !without.test(path) });
  console.log(`${wrong}\nevidence: ${evidence}\nagain: ${again}`);
}
process.exitCode = wrong === '' ? 0 : 1;

/** What is wrong after all of it, a line each; empty when nothing is. */
async function judgement(): Promise<string> {
  await Promise.all([
    landTars(),
    makeTrouble('inside', INSIDE),
    makeTrouble('outside', OUTSIDE),
    // with a copy its tar is nothing to a recording that was extracted
    ...(copy ? [] : [makeTrouble('tars', TARS)]),
  ]);
  proxy.set({ kind: 'pass' });
  await keepUp(rig);
  return [...(await heal(rig)), ...(await judge())].join('\n');
}

/** One of the plain tars that landed last, of which some are extracted and not uploaded. */
function lastTar(number: (below: number) => number): string | undefined {
  const plain = landed.filter(({ path, good }) => good && path.endsWith('.tar')).slice(-3);
  const tar = plain[number(Math.max(1, plain.length))];
  return tar === undefined ? undefined : join(sshd.incoming, tar.path);
}

async function landTars(): Promise<void> {
  const number = numbersFor(seed, 'tars');
  const landing = lander(sshd, number);
  while (performance.now() < end) {
    landed.push(await landing.next());
    await delay(number(1200));
  }
}

async function makeTrouble(where: string, kinds: Readonly<Record<string, Fault>>): Promise<void> {
  const number = numbersFor(seed, where);
  const world = { rig, proxy, gateway, disk, number, lastTar };
  const choices = Object.entries(kinds);
  while (performance.now() < end) {
    await delay(number(3000));
    const [name, fault] = choices[number(choices.length)] ?? [];
    if (name === undefined || fault === undefined) continue;
    const kind = await fault(world);
    const counted = kind === undefined ? name : `${name}: ${kind}`;
    faults[counted] = (faults[counted] ?? 0) + 1;
    await keepUp(rig);
  }
}

/** Waits until nothing moves any more. What has used up its retries is wrong (P7), and re-queued so that the rest can be judged. */
async function heal(rig: Rig): Promise<readonly string[]> {
  const late = [...(await quiet(rig)), ...(await storeSeenBack(rig))];
  const givenUp = await rig.rows("SELECT * FROM uploads WHERE status = 'FAILED' AND wav_path <> tar");
  if (givenUp.length === 0) return late;
  for (const cause of new Set(givenUp.map(({ cause }) => String(cause))))
    await rig.wavspool('requeue', '--cause', cause);
  const rows = givenUp.map(
    (row) => `P7: ${String(row['wav_path'])} was given up: ${String(row['error_message'])}`,
  );
  return [...late, ...rows, ...(await quiet(rig))];
}

/** Once everything is uploaded, nobody may take the store for away any more. */
async function storeSeenBack(rig: Rig): Promise<readonly string[]> {
  const deadline = performance.now() + SEEN_BACK_MS;
  for (;;) {
    const { code, stdout } = await rig.wavspool('status', '--json');
    // 1 says that tars have failed, which the bad ones have
    if (
      code <= 1 &&
      (JSON.parse(stdout) as { store: { available: boolean } | null }).store?.available === true
    )
      return [];
    if (performance.now() > deadline) return [`P7: the store is back, and status does not know: ${stdout}`];
    await delay(500);
  }
}

async function quiet(rig: Rig): Promise<readonly string[]> {
  const deadline = performance.now() + HEALING_MS;
  const goodTars = landed.filter(({ good }) => good).length;
  const open =
    "SELECT (SELECT count(*) FROM uploads WHERE status = 'PENDING' OR (status = 'FAILED' AND retry_count < 5)) AS open, " +
    '(SELECT count(*) FROM extracted_tars) AS tars, (SELECT count(*) FROM uploads WHERE wav_path = tar) AS failed';
  for (;;) {
    const [row] = await rig.rows(open).catch(() => []);
    if (row?.['open'] === 0 && row['tars'] === goodTars && row['failed'] === landed.length - goodTars)
      return [];
    if (performance.now() > deadline)
      return [`P1: not quiet within ${HEALING_MS / 1000} s: ${JSON.stringify(row)}`];
    await keepUp(rig);
    await delay(500);
  }
}

/** What the oracle and wavspool's own audit find wrong, once wavspool has ended. */
async function judge(): Promise<readonly string[]> {
  const exitCode = await rig.stop();
  const audit = await rig.wavspool('audit', '--receipts', '--json');
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
  const oracle = await run('python3', ['-B', join(import.meta.dirname, 'oracle.py'), path], {
    maxBuffer: 1 << 26,
  }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
  return [
    ...(exitCode === 0 ? [] : [`up ended with ${exitCode}`]),
    ...(isClean(audit) ? [] : [`wavspool audit --receipts: ${audit.stdout}${audit.stderr}`]),
    ...('code' in oracle ? [`${oracle.stdout}${oracle.stderr}`] : []),
  ];
}

/** Nothing found, and nothing open but the tars that are bad: of these the audit says, with exit 1, that they are in no bucket. */
function isClean({ code, stdout }: { readonly code: number; readonly stdout: string }): boolean {
  const { findings, open } = JSON.parse(stdout) as {
    findings: unknown[];
    open: { pending: number; failed: number; tars: number };
  };
  const bad = landed.filter(({ good }) => !good).length;
  return (
    findings.length === 0 &&
    open.pending + open.failed === 0 &&
    open.tars === bad &&
    code === (bad === 0 ? 0 : 1)
  );
}

/** A small disk for wavspool alone; undefined where nothing may be mounted. */
async function mountDisk(mebibytes: number): Promise<string | undefined> {
  const path = join(evidence, 'disk');
  await mkdir(path);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  } catch (error) {
    console.log(`  no disk is filled: ${error instanceof Error ? error.message.trim() : String(error)}`);
    return undefined;
  }
  stack.defer(async () => {
    await run('umount', ['-l', path]); // lazily: a process that is just ending may still have its log open
  });
  return path;
}
