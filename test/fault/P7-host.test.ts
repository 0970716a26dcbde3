import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import {
  mountDiskThatGoes,
  mountMortalDisk,
  type DiskThatGoes,
  type MortalDisk,
} from '../support/small-disk.ts';
import { makeTar } from '../support/tars.ts';

// P7, P11: the host fails under a running wavspool, for real. What waits says why and since when, goes on by itself within seconds,
// costs no tar and no recording a retry, and below the mount point of a disk that is away nothing is written.

const run = promisify(execFile);
/** What is looked at again every 5 s, on a busy machine. */
const SECONDS_MS = 30_000;

let root: string;
let extracted: DiskThatGoes;
let incoming: DiskThatGoes;
let rig: Rig;
let recordings = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-host-'));
  extracted = await mountDiskThatGoes(join(root, 'extracted'));
  incoming = await mountDiskThatGoes(join(root, 'incoming'));
  rig = await startRig(incoming.path, {
    paths: { extracted: extracted.path },
    cleanup: { extracted: 'keep' },
  });
  await land('first', 5);
  await settled();
}, 90_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await extracted[Symbol.asyncDispose]();
  await incoming[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

async function land(name: string, count: number, bytes = 9000): Promise<void> {
  const members = Array.from({ length: count }, (_, i) => ({
    name: `${name}-${i}.wav`,
    body: randomBytes(bytes),
  }));
  recordings += count;
  await rig.land(`${name}/${name}.tar`, makeTar(members));
}

/** All that has landed is in the bucket under its own hash, once, and nothing was ever held against it. */
async function settled(): Promise<void> {
  await rig.settled(recordings);
  const rows = await rig.rows('SELECT key, sha256, retry_count AS retries FROM uploads');
  const objects = await rig.objects();
  expect(Object.keys(objects)).toHaveLength(recordings);
  for (const { key, sha256, retries } of rows) {
    expect(objects[String(key)]?.sha256).toBe(sha256);
    expect(retries).toBe(0);
  }
  const files = await readdir(extracted.path, { recursive: true });
  expect(files.filter((name) => basename(name).startsWith('.wavspool-'))).toEqual([]);
}

const limits = new Map<number, number>();

/** Takes from a process the right to any descriptor beyond those that it has had open at every look. */
async function leaveNone(pid: number): Promise<void> {
  const open = new Set((await readdir(`/proc/${pid}/fd`)).map(Number));
  const none = Array.from({ length: open.size + 1 }, (_, fd) => fd).find((fd) => !open.has(fd)) ?? 0;
  limits.set(pid, Math.min(none, limits.get(pid) ?? none));
  await run('prlimit', [`--pid=${pid}`, `--nofile=${limits.get(pid)}:`]);
}

/** The status tells of a problem, with since and remedy, in the words that the fault has. */
async function told(id: string, words: RegExp): Promise<void> {
  await until(
    `the status tells ${id}`,
    async () => {
      const { verdict, queues } = await rig.status();
      if (verdict.attention.some((one) => one.id === id && words.test(one.what))) return true;
      const log = (await rig.log()).trimEnd().split('\n').slice(-30).join('\n');
      throw new Error(`it tells ${JSON.stringify({ verdict, queues })}\n${log}`); // what a test that waits in vain shows
    },
    SECONDS_MS,
  );
  const { verdict } = await rig.status();
  const problem = verdict.attention.find((one) => one.id === id);
  expect(problem?.since).toMatch(/^\d{4}-/);
  expect(problem?.remedy).not.toBe('');
  expect(await fetchText('/metrics')).toMatch(new RegExp(`^wavspool_problem\\{.*id="${id}".*\\} 1$`, 'm'));
  expect((await fetch(`${rig.http}/healthz`)).status).toBe(200); // alive: it waits, it is not stuck
}

async function fetchText(path: string): Promise<string> {
  const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
  return (await fetch(`${rig.http}${path}`, { headers: { authorization: `Bearer ${token}` } })).text();
}

async function notToldAnyMore(id: string): Promise<void> {
  await until(
    `the status tells ${id} no more`,
    async () => (await rig.status()).verdict.attention.every((one) => one.id !== id),
    SECONDS_MS,
  );
}

test('extracted turns read-only', async () => {
  await extracted.readOnly(true);
  await land('read-only', 5);
  await told('held:extraction:host', /EROFS/);
  await extracted.readOnly(false);
  await settled();
  await notToldAnyMore('held:extraction:host');
});

test('extracted is unmounted while recordings wait there for their upload, and more land', async () => {
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  await land('waits', 20);
  await until('they are extracted', async () => {
    const [row] = await rig.rows("SELECT count(*) AS n FROM uploads WHERE status = 'PENDING'");
    return row?.['n'] === 20;
  });
  await extracted.unmount();
  await rig.wavspool('resume', 'upload');
  await land('unmounted', 5);
  await told('held:extraction:host', /which is not mounted/);
  await told('held:upload:host', /which is not mounted/);
  // what a restart knows of it is not less
  await rig.kill('extract');
  await rig.kill('upload');
  await until('both are back and wait', async () => {
    const { roles } = await rig.status();
    return roles.filter(({ held }) => held?.cause === 'host').length === 2;
  });
  expect(await readdir(extracted.path)).toEqual([]);
  await extracted.mount();
  await settled();
});

test('incoming is unmounted: no tar of it is missing, and none is gone', async () => {
  await rig.wavspool('pause', 'extract', '--reason', 'test');
  await land('queued', 5);
  await until(
    'it is queued',
    async () => ((await rig.status()).queues.extract?.waiting ?? 0) > 0,
    SECONDS_MS,
  );
  await incoming.unmount();
  await rig.wavspool('resume', 'extract');
  await told('held:landing:host', /which is not mounted/);
  await told('held:extraction:host', /which is not mounted/);
  const rescan = await rig.wavspool('rescan');
  expect(rescan.code).toBe(1);
  expect(rescan.stderr).toContain('which is not mounted');
  const audit = await rig.wavspool('audit', '--json');
  expect(audit.code).toBe(1);
  expect(audit.stdout).toContain('what has landed cannot be read');
  await rig.kill('watch');
  await until('it is back and waits', async () => {
    const { roles } = await rig.status();
    return roles.some(({ role, held }) => role === 'watch' && held?.cause === 'host');
  });
  expect(await readdir(incoming.path)).toEqual([]);
  await incoming.mount();
  await settled();
  expect(await rig.rows('SELECT * FROM uploads WHERE wav_path = tar')).toEqual([]);
  // and what lands on it now is seen at once again
  await land('after', 1);
  await settled();
});

test('no descriptors are left to the roles that read and write', async () => {
  const pids = await Promise.all(['extract', 'upload'].map((role) => rig.pidOf(role)));
  try {
    // what a role has open for a moment only would leave a descriptor as soon as it is closed: so it is looked again and again
    for (let look = 0; look < 20; look += 1) await Promise.all(pids.map(leaveNone));
    await land('descriptors', 5);
    await told('held:extraction:host', /EMFILE/);
  } finally {
    // one that has died cannot be given any back; that none has is asked below
    await Promise.allSettled(pids.map((pid) => run('prlimit', [`--pid=${pid}`, '--nofile=4096:'])));
  }
  // they held out, and were not started anew
  expect(await Promise.all(['extract', 'upload'].map((role) => rig.pidOf(role)))).toEqual(pids);
  await settled();
});

test('a directory that is closed keeps its own tar alone, which goes on when it is opened', async () => {
  const closed = join(extracted.path, 'closed');
  await mkdir(closed);
  await run('chattr', ['+i', closed]); // root passes modes
  await land('closed', 2);
  await told('held:extraction:host', /EPERM|EACCES/);
  await land('open', 2);
  await until('the other one is done', async () => {
    const [row] = await rig.rows(
      "SELECT count(*) AS n FROM uploads WHERE tar LIKE '%/open.tar' AND status = 'SUCCESS'",
    );
    return row?.['n'] === 2;
  });
  await run('chattr', ['-i', closed]);
  await settled();
});

test('the disk of extracted dies: EIO for whatever is read or written', async () => {
  const mortal: MortalDisk = await mountMortalDisk(join(root, 'mortal'));
  await using own = await startRig(undefined, { paths: { extracted: mortal.path } });
  await own.wavspool('pause', 'upload', '--reason', 'test');
  await own.land('a.tar', makeTar([{ name: 'a.wav', body: randomBytes(9000) }]));
  await until('it is extracted', async () => (await own.rows('SELECT * FROM uploads')).length === 1);
  await run('sync', ['-f', mortal.path]);
  await mortal.kill();
  await own.wavspool('resume', 'upload');
  await own.land('b.tar', makeTar([{ name: 'b.wav', body: randomBytes(9000) }]));
  await until('both wait', async () => {
    const { roles } = await own.status();
    return roles.filter(({ held }) => held !== undefined && /EIO/.test(held.message)).length === 2;
  });
  await mortal.revive();
  await own.settled(2);
  expect(await own.rows('SELECT max(retry_count) AS retries FROM uploads')).toEqual([{ retries: 0 }]);
  await own.stop();
  await mortal[Symbol.asyncDispose]();
});
