import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';

// `restore state` from another container than the roles': its /proc shows none of them, and what they have open is theirs all the
// same. A process namespace of its own stands for the container; it needs root, as the other tests of users do.

const run = promisify(execFile);

let rig: Rig;
let state: string;
let snapshot: string;

beforeAll(async () => {
  rig = await startRig(undefined, {}, { together: true });
  state = join(rig.data, 'state.db');
  await rig.change(
    "INSERT INTO uploads (wav_path, status, timestamp, retry_count, key) VALUES ('/elsewhere/1.wav', 'SUCCESS', '2026-11-20 10:00:00', 0, '1.wav')",
  );
  const { code, stdout } = await rig.wavspool('snapshot', 'state');
  expect(code).toBe(0);
  snapshot = stdout.trim();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** The command in a process namespace of its own, with a /proc that shows nothing else. */
async function elsewhere(
  ...args: readonly string[]
): Promise<{ code: number; stderr: string; stdout: string }> {
  const [program = '', ...rest] = [...rig.command, ...args];
  const command = ['--pid', '--fork', '--mount-proc', program, ...rest];
  try {
    return { ...(await run('unshare', command)), code: 0 };
  } catch (error) {
    return error as { code: number; stderr: string; stdout: string };
  }
}

async function pidOfRoles(): Promise<number> {
  return (await rig.status()).roles[0]?.pid ?? 0;
}

test('P1: from another container the roles are seen, and named with their host', async () => {
  const refused = await elsewhere('restore', 'state', '--from', snapshot);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/state\.db is open in wavspool dashboard \(pid \d+ on [^)]+\)/);
  expect(refused.stderr).toContain('wavspool upload (pid');
});

test('P1: told to go on, it puts the content in place by SQLite alone, and every role goes on in that file', async () => {
  const before = await pidOfRoles();
  const restored = await elsewhere('restore', 'state', '--from', snapshot, '--yes');
  expect(restored).toMatchObject({ code: 0 });
  expect(await pidOfRoles()).toBe(before);
  expect(await rig.log()).not.toContain('"msg":"state replaced"');
});

test('P1: no file is put under live roles: not where state.db is damaged, not where it was removed', async () => {
  await rig.change('PRAGMA wal_checkpoint(TRUNCATE)'); // else the log has the good page still
  await using file = await open(state, 'r+');
  await file.write(Buffer.alloc(4096 - 100, 0xa5), 0, 4096 - 100, 100); // the schema; the header stays
  const damaged = await elsewhere('restore', 'state', '--from', snapshot, '--yes');
  expect([damaged.code, damaged.stderr]).toEqual([
    1,
    expect.stringContaining('can only be replaced as a file'),
  ]);

  await rename(state, `${state}.away`);
  const removed = await elsewhere('restore', 'state', '--from', snapshot, '--yes');
  expect([removed.code, removed.stderr]).toEqual([1, expect.stringContaining('programs still have it open')]);
  expect(existsSync(state)).toBe(false);
  await until('the roles say that it is gone', async () => {
    const { verdict } = (await rig.status()) as unknown as { verdict: { attention: { id: string }[] } };
    return verdict.attention.some(({ id }) => id.startsWith('state-'));
  });
});

test('P1: once another file has its name the roles end, and nothing more is written into the old one', async () => {
  const pid = await pidOfRoles();
  await copyFile(`${state}.away`, `${state}.other`);
  await rename(`${state}.other`, state);
  await until('the process has ended', () => Promise.resolve(!existsSync(`/proc/${pid}`) || isZombie(pid)));
  expect(await rig.log()).toContain('"msg":"state replaced"');
});

test('P1: where no role runs, none may start while it restores, and the roles start on what was restored', async () => {
  const restored = await elsewhere('restore', 'state', '--from', snapshot);
  expect(restored).toMatchObject({ code: 0 });
  await rig.start();
  expect((await rig.rows('PRAGMA integrity_check'))[0]).toEqual({ integrity_check: 'ok' });
});

async function isZombie(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return !/^State:\s+[^Z]/m.test(status);
}
