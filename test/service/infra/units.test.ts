import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

// What systemd itself says of the units that ship, without booting one: an unknown key or a wrong value is only a line in the journal.

const run = promisify(execFile);
const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'];

test('systemd knows every key of the units and finds nothing wrong', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-units-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  const unit = await readFile('infra/systemd/wavspool@.service', 'utf8');
  // the checkout of a host lies elsewhere: only its Node has to be there
  const here = unit.replaceAll('/opt/wavspool/node_modules/.bin/node', process.execPath);
  expect(here).not.toBe(unit);
  await writeFile(at('wavspool.target'), await readFile('infra/systemd/wavspool.target'));
  const names = ROLES.map((role) => `wavspool@${role}.service`);
  for (const name of names) await writeFile(at(name), here);

  const verified = await run('systemd-analyze', ['verify', at('wavspool.target'), ...names.map(at)]);

  expect(verified.stderr.split('\n').filter((line) => line.includes('wavspool'))).toEqual([]);

  await writeFile(at(names[0] ?? ''), here.replace('PrivateTmp=yes', 'PrivateTemp=yes'));
  const broken = await run('systemd-analyze', ['verify', at(names[0] ?? '')]);
  expect(broken.stderr).toMatch(/Unknown key.*'PrivateTemp'/);
});
