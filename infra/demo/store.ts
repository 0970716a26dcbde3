import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const CEPH = join(ROOT, 'infra/store/ceph-rgw.sh');

export interface DemoStore {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  readonly kind: string;
  stop(): Promise<void>;
}

/**
 * A real S3 server for the demo, with what an earlier demo left in it: SeaweedFS in a container where a Docker engine
 * answers, else Ceph's gateway from Debian's packages.
 */
export async function startStore(directory: string, port: number): Promise<DemoStore> {
  const access = {
    accessKeyId: 'wavspool-demo',
    secretAccessKey: 'wavspool-demo-secret',
    bucket: 'recordings',
  };
  const endpoint = `http://127.0.0.1:${port}`;
  if (spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0) {
    const name = `wavspool-demo-s3-${port}`;
    const environment = [
      '-e',
      `AWS_ACCESS_KEY_ID=${access.accessKeyId}`,
      '-e',
      `AWS_SECRET_ACCESS_KEY=${access.secretAccessKey}`,
    ];
    const data = ['-v', `${join(directory, 'seaweedfs')}:/data`, '-p', `127.0.0.1:${port}:8333`];
    const program = ['chrislusf/seaweedfs:4.44', 'server', '-s3', '-dir=/data'];
    await run('docker', ['run', '-d', '--rm', '--name', name, ...environment, ...data, ...program]);
    return {
      ...access,
      endpoint,
      kind: 'SeaweedFS in a container',
      stop: async () => void (await run('docker', ['stop', name])),
    };
  }
  const env = {
    ...process.env,
    S3_PORT: String(port),
    S3_ACCESS_KEY_ID: access.accessKeyId,
    S3_SECRET_ACCESS_KEY: access.secretAccessKey,
    S3_BUCKET: access.bucket,
  };
  const store = join(directory, 'ceph');
  await run(CEPH, ['up', store], { env });
  return {
    ...access,
    endpoint,
    kind: 'Ceph’s S3 gateway',
    stop: async () => {
      await run(CEPH, ['down', store], { env });
    },
  };
}
