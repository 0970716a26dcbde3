import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askRoles, type RoleHealth } from '../../src/operate/role-health/index.ts';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';

const run = promisify(execFile);
const ROLES = ['dashboard', 'extract', 'maintain', 'upload', 'watch'];
let rig: Rig;

beforeAll(async () => {
  rig = await startRig(undefined, { shutdownSeconds: 1 });
});
afterAll(async () => rig[Symbol.asyncDispose]());

async function ask(role: string): Promise<RoleHealth> {
  const socket = join(rig.data, `health/${role}.sock`);
  const { stdout } = await run('curl', ['-s', '--unix-socket', socket, 'http://localhost/healthz']);
  return JSON.parse(stdout) as RoleHealth;
}

async function redisPid(): Promise<number> {
  return Number(
    (await rig.log())
      .match(/"redisPid":(\d+)/g)
      ?.at(-1)
      ?.replace(/\D/g, ''),
  );
}

const sockets = async (): Promise<readonly string[]> =>
  (await readdir(join(rig.data, 'health'))).filter((name) => name.endsWith('.sock'));

test('every role answers about itself on its own socket', async () => {
  const { roles } = await rig.status();
  for (const role of ROLES) {
    const pid = roles.find((one) => one.role === role)?.pid;
    expect(await ask(role)).toMatchObject({ role, pid, alive: true, attention: [], held: [] });
  }
});

test('a role that is killed answers again at the same place; no other role’s answer depends on the dashboard', async () => {
  const before = await ask('upload');
  await rig.kill('dashboard');
  expect((await ask('upload')).pid).toBe(before.pid);
  await until(
    'the dashboard is back',
    async () => (await rig.status().catch(() => undefined)) !== undefined,
    60_000,
  );

  await rig.kill('upload');
  await until(
    'another process answers there',
    async () => {
      const found = await askRoles(rig.data);
      return found.some(
        (one) => one.kind === 'answered' && one.role === 'upload' && one.health.pid !== before.pid,
      );
    },
    60_000,
  );
  expect((await sockets()).toSorted()).toEqual(ROLES.map((role) => `${role}.sock`));
});

test('P11: without Redis every role needs attention and is alive', async () => {
  const redis = await redisPid();
  process.kill(redis, 'SIGSTOP');
  try {
    for (const role of ROLES) {
      await until(
        `${role} says so`,
        async () => (await ask(role)).attention.some(({ id }) => id === 'redis-away'),
        60_000,
      );
      expect((await ask(role)).alive).toBe(true);
    }
  } finally {
    process.kill(redis, 'SIGCONT');
  }
  await until('they are well again', async () => (await ask('watch')).attention.length === 0, 60_000);
});

test('after an orderly end no socket is left', async () => {
  expect(await rig.stop()).toBe(0);
  expect(await sockets()).toEqual([]);
});

test('roles that cannot take leave of their Redis end in time, and leave no socket either', async () => {
  await rig.start();
  process.kill(await redisPid(), 'SIGSTOP');
  expect(await rig.stop()).toBe(0); // it kills a Redis that does not end
  expect(await sockets()).toEqual([]);
});
