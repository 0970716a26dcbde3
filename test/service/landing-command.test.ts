import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// What is not taken, as an operator sees it beside a running wavspool and after its end.

let rig: Rig;
beforeAll(async () => {
  rig = await startRig(undefined, { arrival: { quietSeconds: 0.2, rescanSeconds: 1 } }, { together: true });
});
afterAll(() => rig[Symbol.asyncDispose]());

const body = (byte: number): Buffer => Buffer.alloc(3000, byte);
const landing = async (): Promise<{ code: number; said: Record<string, unknown> }> => {
  const { code, stdout } = await rig.wavspool('landing', '--json');
  return { code, said: JSON.parse(stdout) as Record<string, unknown> };
};

async function get(route: string): Promise<Response> {
  const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
  return fetch(`${rig.http}${route}`, { headers: { authorization: `Bearer ${token}` } });
}

test('the command, the status, the API and the metrics tell the same, and all is well when it is gone', async () => {
  const odd = join(rig.incoming, 'a.tar.xz');
  await mkdir(join(rig.incoming, '.~tmp~'), { recursive: true });
  await writeFile(join(rig.incoming, '.~tmp~/staged.tar'), makeTar([{ name: 'x.wav', body: body(1) }]));
  await writeFile(odd, 'xz');
  await rig.land('two\nlines/TAKEN.TAR', makeTar([{ name: 'taken.wav', body: body(2) }]));
  await rig.settled(1);
  expect(await landing()).toMatchObject({
    code: 1,
    said: {
      rows: [{ reason: 'waiting' }, { path: odd, reason: 'no pattern', bytes: 2, needsAttention: true }],
      next: null,
    },
  });
  await until('the status tells', async () =>
    JSON.stringify((await rig.status()).landing).includes('no pattern'),
  );
  expect(JSON.parse((await rig.wavspool('status', '--json')).stdout)).toMatchObject({
    landing: { 'no pattern': { count: 1, bytes: 2, needsAttention: true } },
  });
  expect((await rig.wavspool('status')).code).toBe(1);
  expect(await (await get('/api/landing?limit=1')).json()).toMatchObject({
    rows: [{ reason: 'waiting' }],
    next: expect.any(String),
  });
  expect(await (await get('/metrics')).text()).toMatch(
    /wavspool_landing_files\{.*reason="no pattern".*\} 1\n/,
  );

  await rig.stop();
  const alone = await rig.wavspool('landing');
  expect(alone.code).toBe(1);
  expect(alone.stdout).toContain(odd);
  await rm(odd);
  await rm(join(rig.incoming, '.~tmp~'), { recursive: true });
  expect(await landing()).toEqual({ code: 0, said: { rows: [], next: null, figures: {} } });
});
