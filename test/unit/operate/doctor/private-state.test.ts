import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { privateState } from '../../../../src/operate/doctor/private-state.ts';

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-private-'));
  await symlink('round', at('round'));
  for (const [name, mode] of [
    ['private.db', 0o600],
    ['open.db', 0o640],
  ] as const) {
    await writeFile(at(name), '');
    await chmod(at(name), mode);
  }
});
afterAll(() => rm(root, { recursive: true }));

test.each([
  ['private.db', true, 'mode 600'],
  ['open.db', false, 'mode 640'],
  ['none.db', true, 'not there yet'],
  ['none/state.db', true, 'not there yet'],
])('a state.db that can be looked at: %s', async (name, ok, found) => {
  expect(await privateState(at(name))).toMatchObject({ ok, found });
});

test.each([
  ['private.db/state.db', /ENOTDIR/],
  ['round/state.db', /ELOOP/],
])('one that cannot is not called absent: %s', async (name, found) => {
  expect(await privateState(at(name))).toMatchObject({ ok: false, found: expect.stringMatching(found) });
});
