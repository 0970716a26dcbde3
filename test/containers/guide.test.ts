import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { makeTar } from '../support/tars.ts';
import { makeWav } from '../support/wavs.ts';
import { bootsSystemd } from './boots-systemd.ts';
import { guideBlocks } from './guide-blocks.ts';

// docs/production.md, read and run line by line on a Debian 12 that systemd boots; then what the document promises of it. What it leaves
// to decide is decided here: the repository, the key, the store.

const run = promisify(execFile);
const MINUTES_5 = 300_000;
const NAME = `wavspool-guide-${process.pid}`;
const STORE = 's3.example.com';
const SECRET = 'guide-secret-0123456789';
const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'];
const guide = readFileSync('docs/production.md', 'utf8');
const blocks = guideBlocks(guide).filter(({ tag }) => tag !== 'notrun' && tag !== 'newer');
/** The sections of a host that takes recordings, in order. */
const STEPS = blocks.filter(({ section }) => /^[1-8]\. /.test(section));

let directory: string;
let address: string;
/** SHA-256 of every recording that was put, by its name. */
const put: Record<string, string> = {};

async function docker(...args: readonly string[]): Promise<string> {
  return (await run('docker', [...args], { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
}

/** Runs lines as root in the machine; rejects with what they said. */
async function machine(lines: string): Promise<string> {
  const child = spawn('docker', ['exec', '-i', NAME, 'bash', '-euo', 'pipefail', '-s'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (text) => (said += String(text)));
  child.stderr.on('data', (text) => (said += String(text)));
  child.stdin.end(lines);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`exit ${String(code)} of:\n${lines}\n${said.slice(-3000)}`);
  return said.trim();
}

/** What a person would decide. */
function decided(commands: string): string {
  return commands
    .replaceAll('YOUR-REPOSITORY', '/srv/wavspool.git')
    .replaceAll('https://s3.example.com', `http://${STORE}:8333`)
    .replace('put yours here', 'guide')
    .replace('put yours here', SECRET);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-guide-'));
  await run('git', ['clone', '--quiet', '--bare', '.', join(directory, 'wavspool.git')]);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'pbx')]);
  await docker('network', 'create', NAME);
  const keys = ['-e', 'AWS_ACCESS_KEY_ID=guide', '-e', `AWS_SECRET_ACCESS_KEY=${SECRET}`];
  const image =
    /image: (chrislusf\/seaweedfs:\S+)/.exec(readFileSync('docker-compose.yml', 'utf8'))?.[1] ?? '';
  const server = ['server', '-s3', '-ip.bind=0.0.0.0'];
  await docker(
    'run',
    '-d',
    '--name',
    `${NAME}-s3`,
    '--network',
    NAME,
    '--network-alias',
    STORE,
    ...keys,
    image,
    ...server,
  );
  const store = await docker(
    'inspect',
    '--format',
    '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
    `${NAME}-s3`,
  );
  const bucket = { S3_ENDPOINT: `http://${store}:8333`, S3_REGION: 'us-east-1', S3_BUCKET: 'recordings' };
  const env = { ...bucket, S3_ACCESS_KEY_ID: 'guide', S3_SECRET_ACCESS_KEY: SECRET };
  const made = (): Promise<boolean> =>
    run(process.execPath, ['infra/containers/create-bucket.ts'], { env }).then(() => true);
  await until('the store has its bucket', made, MINUTES_5);
  // this host may reach the registries through certificates of its own: for the commands of the guide only
  const ca = '/etc/host-certificates.crt';
  const trust = ['NODE_EXTRA_CA_CERTS', 'npm_config_cafile', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO'].flatMap(
    (name) => ['-e', `${name}=${ca}`],
  );
  await docker(
    'run',
    '-d',
    '--name',
    NAME,
    '--network',
    NAME,
    ...bootsSystemd(),
    ...trust,
    '-v',
    `/etc/ssl/certs/ca-certificates.crt:${ca}:ro`,
    'wavspool-systemd',
  );
  await docker('cp', join(directory, 'wavspool.git'), `${NAME}:/srv/wavspool.git`);
  await docker('cp', join(directory, 'pbx.pub'), `${NAME}:/root/pbx.pub`);
  address = await docker(
    'inspect',
    '--format',
    '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
    NAME,
  );
  await until(
    'it has booted',
    async () => /running|degraded/.test(await machine('systemctl is-system-running || true')),
    MINUTES_5,
  );
  // a container may have no user namespaces of its own, which Debian's redis-server.service asks for
  await machine(`chown -R root:root /srv/wavspool.git
mkdir -p /etc/systemd/system/redis-server.service.d
printf '[Service]\\nPrivateUsers=no\\n' >/etc/systemd/system/redis-server.service.d/container.conf`);
});
afterAll(async () => {
  await docker('rm', '-f', '-v', NAME, `${NAME}-s3`);
  await docker('network', 'rm', NAME);
  await rm(directory, { recursive: true });
});

async function land(name: string, recordings: number): Promise<void> {
  const members = Array.from({ length: recordings }, (_, at) => ({
    name: `${name}-${at}.wav`,
    body: makeWav({
      codec: 'pcm16',
      sampleRate: 8000,
      channels: 1,
      seconds: 1,
      seed: Object.keys(put).length + at + 1,
    }),
  }));
  const local = join(directory, `${name}.tar`);
  const batch = join(directory, 'batch');
  await writeFile(local, makeTar(members));
  await writeFile(batch, `put ${local} ${name}.tar.part\nrename ${name}.tar.part ${name}.tar\n`);
  const options = [
    '-oStrictHostKeyChecking=no',
    '-oUserKnownHostsFile=/dev/null',
    '-oLogLevel=ERROR',
    '-oIdentitiesOnly=yes',
  ];
  await run('sftp', [...options, '-i', join(directory, 'pbx'), '-b', batch, `pbx@${address}`]);
  for (const { name: file, body } of members) put[file] = createHash('sha256').update(body).digest('hex');
}

/** Every recording is SUCCESS, and the bucket has its bytes: wavspool itself downloads and hashes them. */
async function everythingIsStored(): Promise<void> {
  const wanted = Object.keys(put).length;
  await until(
    `${wanted} recordings are stored`,
    async () => {
      const { recordings } = JSON.parse(await machine('wavspool status --json || true')) as {
        recordings?: { SUCCESS: number };
      };
      return recordings?.SUCCESS === wanted;
    },
    MINUTES_5,
  );
  await machine('wavspool audit --deep');
}

async function areActive(): Promise<boolean> {
  const units = ROLES.map((role) => `wavspool@${role}`).join(' ');
  return (await machine(`systemctl is-active ${units} || true`))
    .split('\n')
    .every((state) => state === 'active');
}

test.each(STEPS.map((step, at) => [`${at + 1}: ${step.section}`, step.commands]))(
  'the guide, step %s',
  async (_name, commands) => {
    await machine(decided(commands));
  },
);

test('every role is active, and says so itself', async () => {
  await until('the units are active', areActive, MINUTES_5);
  expect(await machine('systemctl show wavspool@upload -p Type -p NotifyAccess -p WatchdogUSec')).toMatch(
    /Type=notify[^]*WatchdogUSec=1min/,
  );
  expect(await machine('wavspool doctor')).not.toMatch(/^ *FAIL/m);
});

test('P1: what is put over SFTP is in the bucket, byte for byte', async () => {
  await land('first', 40);
  await everythingIsStored();
});

/** What a unit's process tries, and whether it may: each by its own words, in the unit's own sandbox. */
const TRIES: readonly (readonly [what: string, may: boolean, command: string])[] = [
  ['write its state', true, 'touch /var/lib/wavspool/probe && rm /var/lib/wavspool/probe'],
  [
    'write the landing directory',
    true,
    'touch /srv/landing/incoming/.probe && rm /srv/landing/incoming/.probe',
  ],
  ['write its program', false, 'touch /opt/wavspool/probe'],
  ['write the settings', false, 'touch /etc/wavspool/probe'],
  ['write above the landing directory', false, 'touch /srv/landing/probe'],
  ['write the system', false, 'touch /usr/probe'],
  ['write a home', false, 'touch /root/probe'],
  ['read the secrets', false, 'cat /etc/wavspool/wavspool.env'],
  ['read the kernel log', false, 'cat /dev/kmsg'],
  ['change the kernel', false, 'echo 1 >/proc/sys/vm/swappiness'],
  ['change a control group', false, 'mkdir /sys/fs/cgroup/probe /sys/fs/cgroup/systemd/probe'],
  ['mount', false, 'mount -t tmpfs none /mnt'],
  ['make a namespace', false, 'unshare --user true'],
  ['become root', false, 'setpriv --reuid=0 true'],
  [
    'make a program set-uid',
    false,
    'cp /bin/true /var/lib/wavspool/suid && chmod 4755 /var/lib/wavspool/suid',
  ],
  ['set the clock', false, 'date --set=2020-01-01'],
  ['set the name of the host', false, 'hostname probe'],
  ['listen to the network itself', false, "perl -e 'socket(my $s, 17, 3, 0) or exit 1'"],
  ['speak to the network', true, "perl -e 'socket(my $s, 2, 1, 0) or exit 1'"],
];

test('a unit cannot leave its sandbox', async () => {
  const lines = TRIES.map(
    ([what, , command]) =>
      `if (${command}) >/dev/null 2>&1; then echo '${what}: yes'; else echo '${what}: no'; fi`,
  );
  await machine(`cat >/usr/local/bin/probe <<'PROBE'
${lines.join('\n')}
grep -E '^(CapEff|NoNewPrivs):' /proc/self/status
rm -f /var/lib/wavspool/suid
PROBE
mkdir -p /run/systemd/system/wavspool@probe.service.d
printf '[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart=/bin/bash /usr/local/bin/probe\n' >/run/systemd/system/wavspool@probe.service.d/probe.conf
systemctl daemon-reload
systemctl start wavspool@probe`);
  const said = await machine('journalctl -u wavspool@probe -o cat --no-pager');
  for (const [what, may] of TRIES) expect(said).toContain(`${what}: ${may ? 'yes' : 'no'}\n`);
  expect(said).toMatch(/CapEff:\s+0+$/m);
  expect(said).toMatch(/NoNewPrivs:\s+1$/m);
});

test.each(ROLES)('P1: %s killed: systemd starts it again, nothing is lost', async (role) => {
  await land(`killed-${role}`, 20);
  const before = await machine(`systemctl show -P MainPID wavspool@${role}`);
  await machine(`systemctl kill --kill-whom=main --signal=SIGKILL wavspool@${role}`);
  await until(
    'another process',
    async () => {
      const now = await machine(`systemctl show -P MainPID wavspool@${role}`);
      return now !== '0' && now !== before && (await areActive());
    },
    MINUTES_5,
  );
});

test('a role that stands still gives no sign of life, and systemd starts it anew', async () => {
  await machine(`mkdir -p /run/systemd/system/wavspool@extract.service.d
printf '[Service]\\nWatchdogSec=9\\n' >/run/systemd/system/wavspool@extract.service.d/impatient.conf
systemctl daemon-reload; systemctl restart wavspool@extract`);
  const before = await machine('systemctl show -P MainPID wavspool@extract');
  await machine(`kill -STOP ${before}`);
  await until(
    'another process',
    async () => {
      const now = await machine('systemctl show -P MainPID wavspool@extract');
      return now !== '0' && now !== before && (await areActive());
    },
    MINUTES_5,
  );
  expect(await machine('journalctl -u wavspool@extract --no-pager')).toMatch(/Watchdog timeout/);
});

test('the journal has the priorities of what is said, and a reload is refused instead of doing nothing', async () => {
  expect(await machine("journalctl -u 'wavspool@*' -p err -o cat --no-pager")).not.toMatch(/ info /);
  expect(await machine("journalctl -u 'wavspool@*' -p info -o cat --no-pager")).toMatch(
    / info  *upload: role started/,
  );
  expect(await machine('systemctl reload wavspool@upload 2>&1 || true')).toContain('not applicable');
  expect(await areActive()).toBe(true);
});

test('a secret as a credential: no role has it in its environment, and each works with it', async () => {
  for (const { commands } of blocks.filter(({ tag }) => tag === 'credentials'))
    expect(await machine(decided(commands))).not.toMatch(/^ *FAIL/m);
  await until('the units are active', areActive, MINUTES_5);
  const environments = await machine(
    "for pid in $(pgrep -u wavspool node); do tr '\\0' '\\n' </proc/$pid/environ; done",
  );
  expect(environments.match(/^S3_SECRET_ACCESS_KEY_FILE=/gm)).toHaveLength(ROLES.length);
  expect(environments).not.toContain(SECRET);
  await land('credential', 20);
  await everythingIsStored();
});

test('stopped with work on its way: the command returns when every role has ended', async () => {
  await land('stopped', 200);
  await machine('systemctl stop wavspool.target');
  const states = await machine(
    `systemctl is-active ${ROLES.map((role) => `wavspool@${role}`).join(' ')} || true`,
  );
  expect(states.split('\n')).toEqual(ROLES.map(() => 'inactive'));
  expect(await machine('pgrep -u wavspool node || true')).toBe('');
  await machine('systemctl start wavspool.target');
  await everythingIsStored();
});

test('upgraded as the guide says: nothing is lost', async () => {
  await machine(`git clone -q /srv/wavspool.git /tmp/next
cd /tmp/next && git -c user.name=guide -c user.email=guide@localhost commit -q --allow-empty -m next && git push -q`);
  await land('upgraded', 100);
  for (const { commands } of blocks.filter(({ tag }) => tag === 'upgrade')) await machine(decided(commands));
  await until('the units are active', areActive, MINUTES_5);
  await everythingIsStored();
});

test('back to the version before as the guide says: nothing is lost', async () => {
  await land('rolled-back', 50);
  const before = await machine('wavspool version');
  for (const { commands } of blocks.filter(({ tag }) => tag === 'rollback')) await machine(decided(commands));
  await until('the units are active', areActive, MINUTES_5);
  expect(await machine('wavspool version')).not.toBe(before);
  await everythingIsStored();
});

test('after a reboot everything runs, and goes on', async () => {
  await land('rebooted', 100);
  await docker('restart', '--time', '120', NAME);
  await until('the units are active', areActive, MINUTES_5);
  await everythingIsStored();
});
