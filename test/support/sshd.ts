import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { LOOPBACK, commandAt, type Place } from './place.ts';

const run = promisify(execFile);

// Debian's own unprivileged account: no password ("*", which is not locked), no shell. A key login with a chroot and
// internal-sftp needs neither, so no user has to be made and /etc stays as it is.
const USER = 'nobody';
const SSHD = '/usr/sbin/sshd';
// sshd refuses a chroot below any directory that others may write to, and /tmp is one.
const ROOT_OWNED = '/run';
const STARTED = /Server listening on/;
const PORT_TAKEN = /Address already in use/;
const START_ATTEMPTS = 5;
const DEADLINE_MS = 15_000;

/** What an sftp or ssh client said when it ended. */
interface ClientEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A private SFTP server: at one address, key login only, one user shut in a chroot. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** A directory that only the caller uses, outside the chroot; removed with the server. */
  readonly workDirectory: string;
  /** The landing directory as this machine sees it; clients see it as `/incoming`, where they start. */
  readonly incoming: string;
  /**
   * Runs the real `sftp -b -` over `batch`, one command per line; the first that fails ends it with exit code 1.
   * `limitKbps` is the client's own `-l`, in kilobits per second; `key` another private key than the authorized one.
   */
  sftp(batch: readonly string[], options?: { limitKbps?: number; key?: string }): Promise<ClientEnd>;
  /** Runs the real `ssh` with these extra options and a command that only a shell could carry out. */
  ssh(options: readonly string[]): Promise<ClientEnd>;
  /** Ends every session, and goes on serving. */
  endSessions(): Promise<void>;
  /** Ends the server and every session of it, then removes its directories. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Starts a real sshd with a host key of its own on a free port. `beside`: one whose landing directory it serves too, as hosts do that share
 * a disk; it ends before that one.
 * Throws when this process is not root: only root can chroot.
 */
export async function startSshd(place: Place = LOOPBACK, beside?: Sshd): Promise<Sshd> {
  if (process.getuid?.() !== 0) throw new Error('the SFTP tests need root: sshd cannot chroot without it');
  // sshd's own runtime directory, which systemd would have made
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const base = await mkdtemp(path.join(ROOT_OWNED, 'wavspool-sshd-'));
  // sshd reads the authorized keys as the user who logs in; what is private below has its own mode
  await chmod(base, 0o755);
  const incoming = beside?.incoming ?? path.join(base, 'chroot', 'incoming');
  const clientDirectory = path.join(base, 'client');
  await mkdir(incoming, { recursive: true, mode: 0o755 });
  await mkdir(clientDirectory, { mode: 0o700 });
  const { uid, gid } = await idsOf(USER);
  await chown(incoming, uid, gid);
  const chroot = path.dirname(incoming);
  const authorizedKey = path.join(clientDirectory, 'key');
  const hostKey = path.join(base, 'host-key');
  await makeKey(authorizedKey);
  await makeKey(hostKey);
  await cp(`${authorizedKey}.pub`, path.join(base, 'authorized-keys'));

  const server = await listen(place, base, chroot);
  const hostKeyPublic = await readFile(`${hostKey}.pub`, 'utf8');
  await writeFile(
    path.join(clientDirectory, 'known-hosts'),
    `[${place.address}]:${server.port} ${hostKeyPublic}`,
  );
  const settings = [
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${path.join(clientDirectory, 'known-hosts')}`,
    'ConnectTimeout=5',
    'ServerAliveInterval=2', // a server that is cut off says nothing
    'ServerAliveCountMax=2',
  ];
  const options = ['-F', '/dev/null', ...settings.flatMap((setting) => ['-o', setting])];
  const target = `${USER}@${place.address}`;

  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= shutDown(server.process, base));
  return {
    port: server.port,
    user: USER,
    workDirectory: clientDirectory,
    incoming,
    sftp: (batch, { limitKbps, key = authorizedKey } = {}) => {
      const limit = limitKbps === undefined ? [] : ['-l', String(limitKbps)];
      const args = ['-b', '-', ...limit, '-i', key, '-P', String(server.port), ...options, target];
      return client('sftp', args, batch);
    },
    ssh: (extra) => {
      const args = [...extra, '-i', authorizedKey, '-p', String(server.port), ...options, target, 'id'];
      return client('ssh', args, []);
    },
    endSessions: async () => {
      for (const pid of await descendants(server.process.pid ?? 0)) terminate(pid);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Writes a private key without a passphrase to `file` and its public half to `file`.pub. */
export async function makeKey(file: string): Promise<void> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
}

function configuration({ address }: Place, base: string, chroot: string, port: number): string {
  return [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${base}/host-key`,
    'PidFile none',
    'UsePAM no',
    `AllowUsers ${USER}`,
    'AuthenticationMethods publickey',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    `AuthorizedKeysFile ${base}/authorized-keys`,
    'DisableForwarding yes',
    'PermitTTY no',
    `ChrootDirectory ${chroot}`,
    'ForceCommand internal-sftp -d /incoming',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');
}

/** Starts sshd below `base`; another port when the one that was free a moment ago is taken. */
async function listen(
  place: Place,
  base: string,
  chroot: string,
): Promise<{ process: ChildProcess; port: number }> {
  const config = path.join(base, 'sshd_config');
  let said = '';
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const port = await freePort();
    await writeFile(config, configuration(place, base, chroot, port));
    const [program, args] = commandAt(place, SSHD, '-D', '-e', '-f', config);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    said = await untilListening(child);
    if (STARTED.test(said)) return { process: child, port };
    if (!PORT_TAKEN.test(said)) break;
  }
  await rm(base, { recursive: true });
  throw new Error(`sshd did not start: ${said}`);
}

/** Everything sshd said until it listens or ends. Keeps reading afterwards, so that a full pipe never stops it. */
async function untilListening(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let said = '';
  const deadline = setTimeout(() => {
    child.kill('SIGKILL');
    resolve(said);
  }, DEADLINE_MS);
  child.on('error', (error) => resolve(error.message));
  child.on('close', () => resolve(said));
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (STARTED.test(said)) resolve(said);
  });
  return promise.finally(() => clearTimeout(deadline));
}

async function client(
  program: string,
  args: readonly string[],
  batch: readonly string[],
): Promise<ClientEnd> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  // a refused login closes stdin before the batch is written; the exit code says so
  child.stdin.on(
    'error',
    (error: NodeJS.ErrnoException) => (stderr += error.code === 'EPIPE' ? '' : error.message),
  );
  child.stdin.end(batch.map((line) => `${line}\n`).join(''));
  await once(child, 'close');
  return { exitCode: child.exitCode, stdout, stderr };
}

async function shutDown(server: ChildProcess, base: string): Promise<void> {
  if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'close');
    // sessions outlive their listener, so they are ended by their own pids
    const sessions = await descendants(server.pid);
    server.kill('SIGTERM');
    for (const pid of sessions) terminate(pid);
    await ended;
  }
  await rm(base, { recursive: true, force: true });
}

async function descendants(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return '';
    throw error;
  }); // none: it has ended since
  const children = text.trim().split(' ').filter(Boolean).map(Number);
  const below = await Promise.all(children.map((child) => descendants(child)));
  return [...children, ...below.flat()];
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    // it ended between the listing and now, which is what was wanted
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const { stdout } = await run('getent', ['passwd', user]);
  const [, , uid, gid] = stdout.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
