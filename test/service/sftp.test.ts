import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKey, startSshd } from '../support/sshd.ts';
import type { Sshd } from '../support/sshd.ts';

const run = promisify(execFile);
let server: Sshd;

beforeAll(async () => {
  server = await startSshd();
});

afterAll(async () => {
  await server.stop();
});

async function localFile(name: string, bytes: number): Promise<{ file: string; content: Buffer }> {
  const file = path.join(server.workDirectory, name);
  const content = randomBytes(bytes);
  await writeFile(file, content);
  return { file, content };
}

test('a put arrives in the landing directory byte for byte, with the directories made for it', async () => {
  const { file, content } = await localFile('day.tar', 300_001);

  const end = await server.sftp(['mkdir crm', 'mkdir crm/2025', `put ${file} crm/2025/day.tar`]);

  expect(end).toMatchObject({ exitCode: 0 });
  expect(await readFile(path.join(server.incoming, 'crm/2025/day.tar'))).toEqual(content);
});

test('a put under a temporary name and a rename leave the tar under its final name only', async () => {
  const { file, content } = await localFile('named.tar', 50_000);

  const end = await server.sftp([`put ${file} named.tar.part`, 'rename named.tar.part named.tar']);

  expect(end).toMatchObject({ exitCode: 0 });
  expect(await readFile(path.join(server.incoming, 'named.tar'))).toEqual(content);
  expect(await readdir(server.incoming)).not.toContain('named.tar.part');
});

test('a put with a limit grows in the landing directory while it is sent', async () => {
  const bytes = 512 * 1024;
  const { file, content } = await localFile('slow.tar', bytes);
  const landed = path.join(server.incoming, 'slow.tar');
  const put = { ended: false };

  const sending = server
    .sftp([`put ${file} slow.tar`], { limitKbps: 2_000 })
    .finally(() => (put.ended = true));
  const partialSizes = new Set<number>();
  while (!put.ended) {
    const size = (await stat(landed).catch(() => undefined))?.size ?? 0;
    if (size > 0 && size < bytes) partialSizes.add(size);
    await new Promise(setImmediate);
  }

  expect(await sending).toMatchObject({ exitCode: 0 });
  expect(partialSizes.size).toBeGreaterThan(1);
  expect(await readFile(landed)).toEqual(content);
});

test('a password cannot be used: the server offers keys only', async () => {
  const end = await server.ssh(['-o', 'PubkeyAuthentication=no', '-o', 'PreferredAuthentications=password']);

  expect(end.exitCode).toBe(255);
  expect(end.stderr).toContain('Permission denied (publickey)');
});

test('a key that is not listed is refused', async () => {
  const key = path.join(server.workDirectory, 'another-key');
  await makeKey(key);

  const end = await server.sftp(['ls'], { key });

  expect(end.exitCode).toBe(255);
  expect(end.stderr).toContain('Permission denied (publickey)');
});

test('there is no shell: a command gives the SFTP server or nothing', async () => {
  const end = await server.ssh([]);

  expect(end.stdout).not.toContain('uid=');
});

test('the way up ends at the chroot, which holds the landing directory and nothing else', async () => {
  const end = await server.sftp(['cd ../../..', 'pwd', 'ls -1a']);

  expect(end.exitCode).toBe(0);
  expect(end.stdout).toContain('Remote working directory: /\n');
  expect(listed(end.stdout, 'ls -1a')).toEqual(['.', '..', 'incoming']);
});

test('a file of the machine cannot be read, by its path or through a link', async () => {
  const stolen = path.join(server.workDirectory, 'stolen');

  const byPath = await server.sftp([`get /etc/passwd ${stolen}`]);
  const byLink = await server.sftp(['symlink /etc/passwd way-out', `get way-out ${stolen}`]);

  expect(byPath.exitCode).toBe(1);
  expect(byPath.stderr).toContain('not found');
  expect(byLink.exitCode).toBe(1);
  expect(byLink.stderr).toContain('No such file');
  await expect(stat(stolen)).rejects.toThrow('ENOENT');
});

test('nothing can be put beside the landing directory', async () => {
  const { file } = await localFile('beside.tar', 10);

  const end = await server.sftp([`put ${file} /beside.tar`]);

  expect(end.exitCode).toBe(1);
  expect(end.stderr).toContain('Permission denied');
});

test('stop ends a session that is in the middle of a put', async () => {
  await using other = await startSshd();
  const file = path.join(other.workDirectory, 'cut.tar');
  await writeFile(file, randomBytes(512 * 1024));
  const sending = other.sftp([`put ${file} cut.tar`], { limitKbps: 500 });
  await expect
    .poll(
      () =>
        stat(path.join(other.incoming, 'cut.tar')).then(
          (s) => s.size,
          () => 0,
        ),
      { timeout: 20_000 },
    )
    .toBeGreaterThan(0);

  await other.stop();

  expect((await sending).exitCode).not.toBe(0);
});

test.each(['infra/sshd/wavspool-sftp.conf', 'infra/containers/sftp/sshd_config'])(
  'sshd accepts %s, and it offers keys only, a chroot and no shell',
  async (file) => {
    const hostKey = path.join(server.workDirectory, `host-key-of-${path.basename(file)}`);
    const config = path.join(server.workDirectory, path.basename(file));
    await makeKey(hostKey);
    const shipped = (await readFile(file, 'utf8')).replace(/^HostKey .*$/m, '');
    await writeFile(config, `HostKey ${hostKey}\n${shipped}`);

    const inForce = await effectiveSettings(config);

    expect(inForce).toMatchObject({
      authenticationmethods: 'publickey',
      passwordauthentication: 'no',
      kbdinteractiveauthentication: 'no',
      chrootdirectory: '/srv/landing',
      disableforwarding: 'yes',
      permittty: 'no',
      forcecommand: 'internal-sftp -d /incoming -u 0077',
    });
  },
);

/** What `sshd -T` says is in force, for a member of the group `landing` where the file asks for one. */
async function effectiveSettings(config: string): Promise<Record<string, string>> {
  const text = (await readFile(config, 'utf8')).replace('Match Group landing', `Match User ${server.user}`);
  await writeFile(config, text);
  const connection = `user=${server.user},host=localhost,addr=127.0.0.1`;
  const { stdout } = await run('/usr/sbin/sshd', ['-T', '-f', config, '-C', connection]);
  return Object.fromEntries(
    stdout.split('\n').map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]),
  );
}

/** The lines that a batch printed after it echoed `command`. */
function listed(stdout: string, command: string): string[] {
  const [, after = ''] = stdout.split(`sftp> ${command}\n`);
  return after
    .trim()
    .split('\n')
    .map((line) => line.trim());
}
