import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { freePort, until } from '../support/ports.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const MINUTES_5 = 300_000;
const KEYS = { accessKeyId: 'compose-test', secretAccessKey: 'compose-test-secret' };
const BUCKET = 'recordings';
export const TOKEN = 'compose-test-token-0123456789';
export const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'] as const;

/** docker-compose.yml as an operator runs it, as a project of its own. */
export interface Compose extends AsyncDisposable {
  readonly directory: string;
  readonly http: string;
  /** docker compose itself. */
  compose(...args: readonly string[]): Promise<string>;
  docker(...args: readonly string[]): Promise<string>;
  /** Starts what is not running, and waits until all of it is healthy. */
  up(...args: readonly string[]): Promise<void>;
  /** The ids of a service's containers, those that ended too. */
  containersOf(service: string): Promise<readonly string[]>;
  /** A command of wavspool in the container of a role. */
  wavspool(role: string, ...args: readonly string[]): Promise<{ code: number; output: string }>;
  /** Puts a local file as the phone system does, by rename. */
  put(file: string, name: string): Promise<void>;
  status(): Promise<{ recordings: Record<string, number> }>;
  /** SHA-256 of everything in the bucket but the receipts, by key. */
  stored(): Promise<Record<string, string>>;
}

/** Names of the project's containers begin with it; others may run their own. */
const PROJECT = `wavspooltest${process.pid}`;

export async function startCompose(): Promise<Compose> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-compose-'));
  const [httpPort, sftpPort] = [await freePort(), await freePort()];
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'key')]);
  const env = {
    S3_ACCESS_KEY_ID: KEYS.accessKeyId,
    S3_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    S3_BUCKET: BUCKET,
    S3_ENDPOINT: 'http://s3:8333',
    S3_REGION: 'us-east-1',
    WAVSPOOL_TOKEN: TOKEN,
    SFTP_AUTHORIZED_KEYS_FILE: join(directory, 'key.pub'),
    WAVSPOOL_HTTP_PORT: String(httpPort),
    SFTP_PORT: String(sftpPort),
  };
  // Debian's docker-compose 1.29 refuses the project's name in the file
  const text = await readFile(join(ROOT, 'docker-compose.yml'), 'utf8');
  const file = join(directory, 'docker-compose.yml');
  await writeFile(file, text.replace(/^name: .*$/m, ''));
  const hasIt = await hasPlugin();
  const name = hasIt ? 'docker' : 'docker-compose';
  const first = [...(hasIt ? ['compose'] : []), '--project-directory', ROOT, '-f', file, '-p', PROJECT];

  const docker: Compose['docker'] = async (...args) => (await run('docker', [...args])).stdout.trim();
  const compose: Compose['compose'] = async (...args) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024, cwd: ROOT };
    return (await run(name, [...first, ...args], options)).stdout;
  };
  const containersOf: Compose['containersOf'] = async (service) => {
    const filters = [
      '--filter',
      `label=com.docker.compose.project=${PROJECT}`,
      '--filter',
      `label=com.docker.compose.service=${service}`,
    ];
    return (await docker('ps', '--all', '--quiet', ...filters)).split('\n').filter((id) => id !== '');
  };
  const isHealthy = async (service: string): Promise<boolean> => {
    const ids = await containersOf(service);
    const states = await Promise.all(
      ids.map((id) => docker('inspect', '--format', '{{.State.Health.Status}}', id)),
    );
    return states.length > 0 && states.every((state) => state === 'healthy');
  };

  const up: Compose['up'] = async (...args) => {
    await compose('up', '--detach', '--no-build', ...args);
    for (const service of ['redis', 's3', 'sftp', ...ROLES]) {
      await until(`${service} is healthy`, () => isHealthy(service), MINUTES_5);
    }
  };
  const s3 = async (): Promise<S3Client> => {
    const [id = ''] = await containersOf('s3');
    const address = await docker(
      'inspect',
      '--format',
      '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
      id,
    );
    return new S3Client({
      endpoint: `http://${address}:8333`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: KEYS,
    });
  };
  return {
    directory,
    http: `http://127.0.0.1:${httpPort}`,
    compose,
    docker,
    up,
    containersOf,
    wavspool: async (role, ...args) => {
      const [id = ''] = await containersOf(role);
      try {
        const { stdout, stderr } = await run('docker', ['exec', id, 'wavspool', ...args]);
        return { code: 0, output: stdout + stderr };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, output: stdout + stderr };
      }
    },
    put: async (local, remote) => {
      const batch = join(directory, 'batch');
      await writeFile(batch, `put ${local} ${remote}.part\nrename ${remote}.part ${remote}\n`);
      const options = [
        '-oStrictHostKeyChecking=no',
        '-oUserKnownHostsFile=/dev/null',
        '-oLogLevel=ERROR',
        '-oIdentitiesOnly=yes',
      ];
      await run('sftp', [
        ...options,
        '-i',
        join(directory, 'key'),
        '-P',
        String(sftpPort),
        '-b',
        batch,
        'pbx@127.0.0.1',
      ]);
    },
    status: async () => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/api/status`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      if (!answer.ok) throw new Error(`/api/status: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as { recordings: Record<string, number> };
    },
    stored: async () => storedIn(await s3()),
    [Symbol.asyncDispose]: async () => {
      // the engine may still hold the last container's end of a network when compose asks for the network's removal
      await until('everything of the project is removed', async () => {
        await compose('down', '--volumes', '--timeout', '5', '--remove-orphans');
        return true;
      });
      await rm(directory, { recursive: true });
    },
  };
}

async function hasPlugin(): Promise<boolean> {
  try {
    await run('docker', ['compose', 'version']);
    return true;
  } catch {
    return false; // there is no other way to ask
  }
}

async function storedIn(client: S3Client): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  let token: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, ContinuationToken: token }));
    for (const { Key: key = '' } of page.Contents ?? []) {
      if (!key.toLowerCase().endsWith('.wav')) continue;
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const bytes = (await body?.transformToByteArray()) ?? new Uint8Array();
      found[key] = createHash('sha256').update(bytes).digest('hex');
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  client.destroy();
  return found;
}
