import '../../src/platform/runtime/require-node.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Table from 'cli-table3';
import { loadSettings } from '../../src/platform/config/index.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import { openStore, type ObjectStore } from '../../src/platform/s3/index.ts';
import { makeTar } from '../../test/support/tars.ts';
import { makeWav } from '../../test/support/wavs.ts';
import { idOf } from '../../src/web/console/rows.ts';
import { audibleCall } from './sound.ts';
import { startStore, type DemoStore } from './store.ts';

// What a fresh checkout shows of itself: the whole system on this machine, tars of real-looking recordings landing over
// time, and every recording compared by hash with what came back from the bucket. Then calls go on arriving, one of them refused.

const ROOT = join(import.meta.dirname, '../..');
const DEMO = join(ROOT, '.demo');
const TARS = 5;
const PAUSE_MS = 1500;
const DEADLINE_MS = 120_000;
const CODECS = ['pcm16', 'ulaw', 'alaw', 'pcm8'] as const;
/** Afterwards a tar comes every few seconds, for a quarter of an hour at most. */
const LATER_TARS = 150;
const LATER_MS = 6000;

interface Landed {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 by the recording's path. */
  readonly recordings: ReadonlyMap<string, string>;
}

const ports = await choosePorts();
if (await isUp()) {
  // before anything is started: what ends with this run would be taken from the other
  console.error(
    `a demo of this checkout is running at http://127.0.0.1:${ports.http}: end it with Ctrl-C in its terminal`,
  );
  process.exit(1);
}
console.log('starting a store …');
const store = await startStore(DEMO, ports.store);
console.log(`${store.kind} serves at ${store.endpoint}`);
const config = await writeSettings(store);
const up = spawn(process.execPath, [join(ROOT, 'bin/wavspool.js'), 'up', '--config', config], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
let ending = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(0));
up.on('exit', (code) => {
  if (!ending) void end(code ?? 1);
});

const { settings } = loadSettings({ configFile: config });
const quiet = (): void => undefined;
await untilUp(up);
const ledger = await openSqliteLedger({
  file: settings.paths.state,
  maxRetries: settings.upload.maxRetries,
  clock: systemClock,
  random: systemRandom,
  report: quiet,
});
const objects = await openStore({ settings, report: quiet, clock: systemClock });

const landed: Landed[] = [];
for (let i = 0; i < TARS; i++) {
  landed.push(await land(8 + i * 4));
  await follow(ledger, landed.at(-1)!);
  await systemClock.sleep(PAUSE_MS);
}
const heard = await land(1, { name: 'call-to-listen-to', body: audibleCall() });
await follow(ledger, heard);
await showTable(objects, [...landed, heard]);
// a name that would leave its directory: it is not extracted, and the page says why and what to do
await land(2, { name: '../../call-with-a-bad-name', body: audibleCall() });
const toHear = [...heard.recordings.keys()].at(-1) ?? '';
const token = (await readFile(join(settings.paths.data, 'dashboard.token'), 'utf8')).trim();
console.log(`
dashboard   http://127.0.0.1:${ports.http}/?token=${token}
listen to   http://127.0.0.1:${ports.http}/recordings/${idOf(toHear)}
refused     http://127.0.0.1:${ports.http}/failures
Bull Board  http://127.0.0.1:${ports.http}/queues
landing     ${settings.paths.incoming}
settings    ${config}
             try: npm run -s wavspool -- status --config ${config}
Calls go on arriving for ${Math.round((LATER_TARS * LATER_MS) / 60_000)} minutes.
Ctrl-C ends everything this demo started; the data stays in ${DEMO}`);
for (let i = 0; i < LATER_TARS; i++) {
  await systemClock.sleep(LATER_MS);
  await land(1 + (i % 4));
}

async function choosePorts(): Promise<{ store: number; http: number }> {
  const file = join(DEMO, 'ports.json');
  await mkdir(DEMO, { recursive: true });
  const kept = await readFile(file, 'utf8').catch(() => undefined); // none: the first demo
  if (kept !== undefined) return JSON.parse(kept) as { store: number; http: number };
  const chosen = { store: await freePort(17_480), http: await freePort(13_000) };
  await writeFile(file, JSON.stringify(chosen));
  return chosen;
}

async function freePort(from: number): Promise<number> {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(from, '127.0.0.1', () => resolve(true));
  });
  if (!(await listening)) return freePort(from + 10);
  server.close();
  return from;
}

async function writeSettings(s3: DemoStore): Promise<string> {
  const file = join(DEMO, 'wavspool.yaml');
  const text = `site: demo
paths: { data: ${JSON.stringify(join(DEMO, 'data'))} }
s3:
  bucket: ${s3.bucket}
  endpoint: ${s3.endpoint}
  accessKeyId: ${s3.accessKeyId}
  secretAccessKey: ${s3.secretAccessKey}
arrival: { quietSeconds: 1 }
extract: { minFreeBytes: 256MiB }
http: { port: ${ports.http} }
`;
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

/** Puts one tar into the landing directory as an SFTP client does: under a temporary name, then renamed. */
async function land(calls: number, more?: { readonly name: string; readonly body: Buffer }): Promise<Landed> {
  const at = new Date(systemClock.now());
  const day = at.toISOString().slice(0, 10).replaceAll('-', '/');
  const stamp = at.toISOString().slice(11, 19).replaceAll(':', '');
  const made = Array.from({ length: calls }, (_, i) => ({
    name: `call-${stamp}-${String(i).padStart(3, '0')}.wav`,
    body: makeWav({
      codec: CODECS[i % CODECS.length]!,
      sampleRate: 8000,
      channels: 1,
      seconds: 5 + ((i * 7) % 20),
      seed: at.getTime() + i,
    }),
  }));
  const directory = join(settings.paths.incoming, 'crm', day);
  const path = join(directory, `calls-${stamp}.tar`);
  const members = more === undefined ? made : [...made, { ...more, name: `${more.name}-${stamp}.wav` }];
  const tar = makeTar(members);
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.part`, tar);
  await rename(`${path}.part`, path);
  const extracted = join(settings.paths.extracted, 'crm', day);
  return {
    path,
    bytes: tar.length,
    recordings: new Map(
      members.map(({ name, body }) => [
        join(extracted, name),
        createHash('sha256').update(body).digest('hex'),
      ]),
    ),
  };
}

async function follow({ tars }: Ledger, { path, recordings }: Landed): Promise<void> {
  const name = path.slice(settings.paths.incoming.length + 1);
  const deadline = systemClock.monotonicMs() + DEADLINE_MS;
  let shown = '';
  for (;;) {
    const progress = await tars.progress(path);
    const extracted = (await tars.get(path)) !== undefined;
    const line = `${name}  ${extracted ? 'extracted' : 'landed   '}  ${progress.SUCCESS}/${recordings.size} recordings in the bucket`;
    if (line !== shown) console.log(line); // never over itself: what is logged beside it would stick to it
    shown = line;
    if (progress.SUCCESS === recordings.size) break;
    if (systemClock.monotonicMs() > deadline)
      throw new Error(`${name} did not arrive within ${DEADLINE_MS / 1000} s`);
    await systemClock.sleep(100);
  }
}

/** Reads every object back and compares its bytes with the tar's member. */
async function showTable(objects: ObjectStore, tars: readonly Landed[]): Promise<void> {
  const table = new Table({
    head: ['tar', 'recordings', 'bytes', 'keys verified by hash'],
    style: { head: [], border: [] },
  });
  for (const { path, bytes, recordings } of tars) {
    let verified = 0;
    for (const [file, sha256] of recordings) {
      const hash = createHash('sha256');
      const key = file.slice(settings.paths.extracted.length + 1);
      for await (const chunk of await objects.get(key, AbortSignal.timeout(30_000))) hash.update(chunk);
      if (hash.digest('hex') === sha256) verified += 1;
    }
    table.push([
      path.slice(settings.paths.incoming.length + 1),
      recordings.size,
      bytes,
      `${verified} of ${recordings.size}`,
    ]);
  }
  console.log(`\n${table.toString()}`);
}

async function isUp(): Promise<boolean> {
  return fetch(`http://127.0.0.1:${ports.http}/healthz`).then(
    () => true,
    () => false, // no server listens
  );
}

async function untilUp(child: ChildProcess): Promise<void> {
  const deadline = systemClock.monotonicMs() + DEADLINE_MS;
  for (;;) {
    if (await isUp()) return;
    if (child.exitCode !== null || systemClock.monotonicMs() > deadline)
      throw new Error('"wavspool up" did not come up');
    await systemClock.sleep(200);
  }
}

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  console.log('\nending …');
  if (up.exitCode === null) {
    up.kill('SIGTERM');
    await new Promise((resolve) => up.once('exit', resolve));
  }
  await store.stop();
  process.exit(code);
}
