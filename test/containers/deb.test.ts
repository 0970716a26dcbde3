import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { bootsSystemd } from './boots-systemd.ts';

// The Debian package on a Debian that systemd boots: installed, upgraded with work running, removed, purged. It keeps a host here, for
// that needs neither Redis nor a store.

const run = promisify(execFile);
const NAME = `wavspool-deb-${process.pid}`;
let directory: string;

/** Runs lines as root in the machine; rejects with what they said. */
async function machine(lines: string): Promise<string> {
  const child = spawn('docker', ['exec', '-i', NAME, 'bash', '-euo', 'pipefail', '-s'], { stdio: 'pipe' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  child.stdin.end(lines);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`exit ${String(code)} of:\n${lines}\n${said.slice(-3000)}`);
  return said.trim();
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-deb-'));
  const name = (await readdir('build')).find((file) => file.endsWith('.deb')) ?? '';
  const tree = join(directory, 'tree');
  await run('dpkg-deb', ['-R', join('build', name), tree]);
  const control = join(tree, 'DEBIAN/control');
  await writeFile(control, (await readFile(control, 'utf8')).replace(/^Version: .*$/m, 'Version: 0.0.9'));
  await run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '-b', tree, join(directory, 'before.deb')]);
  await run('docker', [
    'run',
    '-d',
    '--network',
    'host',
    '--name',
    NAME,
    ...bootsSystemd(),
    'wavspool-systemd',
  ]);
  await run('docker', ['cp', join(directory, 'before.deb'), `${NAME}:/root/before.deb`]);
  await run('docker', ['cp', join('build', name), `${NAME}:/root/now.deb`]);
  await until('it has booted', async () =>
    /running|degraded/.test(await machine('systemctl is-system-running || true')),
  );
});
afterAll(async () => {
  await run('docker', ['rm', '-f', '-v', NAME]);
  await rm(directory, { recursive: true });
});

const INSTALL = 'DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends';

test('installed: the command, the user, the directories, the man page; nothing runs that was not enabled', async () => {
  await machine(`apt-get update -qq; ${INSTALL} /root/before.deb`);
  expect(await machine('wavspool version')).toMatch(/^wavspool .*Node 26/);
  expect(await machine("stat -c '%U:%G %a' /var/lib/wavspool /etc/wavspool")).toBe(
    'wavspool:wavspool 700\nroot:wavspool 750',
  );
  expect(
    await machine(
      'ls /usr/share/bash-completion/completions/wavspool; systemctl is-active wavspool.target || true',
    ),
  ).toContain('inactive');
});

test('it runs: two roles of a host that keeps databases, ready and watched', async () => {
  await machine(`cat >/etc/wavspool/wavspool.yaml <<'YAML'
paths: { data: /var/lib/wavspool }
http: { port: 3999 }
logs: [{ path: /var/log/none.log, cron: '0 1 * * *', missingok: true }]
YAML
wavspool config check
systemctl enable --now wavspool.target wavspool@maintain wavspool@dashboard`);
  expect(await machine('systemctl is-active wavspool@maintain wavspool@dashboard')).toBe('active\nactive');
  await machine('wavspool snapshot state');
});

test('upgraded from the package before: what ran runs again, as the new version', async () => {
  const before = await machine('systemctl show -P MainPID wavspool@maintain');
  await machine(`${INSTALL} /root/now.deb`);
  await until(
    'it runs again',
    async () =>
      (await machine('systemctl is-active wavspool@maintain wavspool@dashboard || true')) ===
      'active\nactive',
  );
  expect(await machine('systemctl show -P MainPID wavspool@maintain')).not.toBe(before);
  expect(await machine("dpkg-query -W -f '${Version}' wavspool")).not.toBe('0.0.9');
});

test('removed: nothing runs, the settings and the data stay; purged: the data alone', async () => {
  await machine('apt-get remove -y wavspool');
  expect(await machine("find /proc -maxdepth 1 -user wavspool -name '[0-9]*' | wc -l")).toBe('0');
  expect(
    await machine(
      'ls /etc/wavspool; test ! -e /usr/lib/wavspool; ls /etc/systemd/system/multi-user.target.wants',
    ),
  ).not.toContain('wavspool.target');
  expect(await machine('cat /etc/wavspool/wavspool.yaml')).toContain('/var/lib/wavspool');
  expect(await machine('apt-get purge -y wavspool')).toContain('/var/lib/wavspool stays');
  await machine('test ! -e /etc/wavspool && test -e /var/lib/wavspool/state.db');
});
