import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { runCommand } from '../support/run-command.ts';

const run = promisify(execFile);
let rig: Rig;

beforeAll(async () => {
  rig = await startRig(undefined, {}, { together: true });
});
afterAll(async () => rig[Symbol.asyncDispose]());

test('a role of the same site with directories of its own does not start, and says where the others work', async () => {
  const elsewhere = join(rig.data, '../elsewhere');
  await mkdir(join(elsewhere, 'incoming'), { recursive: true });
  const config = await rig.variant({ paths: { data: elsewhere, incoming: join(elsewhere, 'incoming') } });
  const [node, bin] = rig.command as [string, string];
  const ended = await run(node, [bin, 'work', 'extract', '--config', config]).catch(
    (error: unknown) => error,
  );
  expect(ended).toMatchObject({ code: 3 });
  const log = await readFile(join(elsewhere, 'logs/wavspool.log'), 'utf8');
  // it has heard of the others when it starts, or with its first heartbeat
  expect(log).toMatch(/role not started|site elsewhere/);
  expect(log).toMatch(/SITE_ELSEWHERE.*elsewhere\/incoming/);
});

test('the id of the landing directory is put back, and is no file that nothing takes', async () => {
  const id = join(rig.incoming, '.wavspool.id');
  const before = await readFile(id, 'utf8');
  await rm(id);
  await until('it is back', async () => (await readFile(id, 'utf8').catch(() => '')) === before, 30_000);
  const { stdout, code } = await rig.wavspool('landing', '--json');
  expect(code).toBe(0);
  expect(stdout).not.toContain('.wavspool.id');
});

test('doctor names a site that shares the bucket and its prefix', async () => {
  const config = await rig.variant({ site: 'another' });
  const { stdout } = await runCommand(['--config', config, 'doctor', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: { name: string; found: string }[] };
  const found = findings.find(({ name }) => name === 'other sites');
  expect(found).toMatchObject({ ok: true, isAdvice: true });
  expect(found?.found).toMatch(/^rig uploads to .* too$/);
});
