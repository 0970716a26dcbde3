import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers';
import { startRedis } from './redis.ts';
import { type S3Address, formatS3Address, startGateway, untilServing } from './s3.ts';

const REDIS_IMAGE = 'valkey/valkey:8.1-alpine';
// Newer than 4.16, which lets two conditional PUTs of one key win (seaweedfs/seaweedfs#8800).
const S3_IMAGE = 'chrislusf/seaweedfs:4.48';

interface Services extends AsyncDisposable {
  readonly redisUrl: string;
  readonly s3: S3Address;
  readonly names: string;
}

let services: Services | undefined;

/**
 * Starts one Redis and one S3 server for the whole run: in containers where a container runtime answers, else the
 * redis-server and the Ceph gateway of this host. Tests find them in WAVSPOOL_TEST_REDIS and WAVSPOOL_TEST_S3
 * (`http://key:secret@host:port`); where both are set already, nothing is started.
 */
export async function setup(): Promise<void> {
  const { WAVSPOOL_TEST_REDIS: redis, WAVSPOOL_TEST_S3: s3 } = process.env;
  if (redis !== undefined && s3 !== undefined)
    return say(`those named by WAVSPOOL_TEST_REDIS and WAVSPOOL_TEST_S3`);
  services = (await hasContainers()) ? await startContainers() : await startPrograms();
  process.env['WAVSPOOL_TEST_REDIS'] = services.redisUrl;
  process.env['WAVSPOOL_TEST_S3'] = formatS3Address(services.s3);
  say(services.names);
}

export async function teardown(): Promise<void> {
  await services?.[Symbol.asyncDispose]();
}

async function hasContainers(): Promise<boolean> {
  try {
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false; // there is no other way to ask: it throws when no runtime answers
  }
}

/** That of a hang: on a busy machine a store takes more than a minute to listen. */
const STARTUP_MS = 300_000;

async function startContainers(): Promise<Services> {
  await using started = new AsyncDisposableStack();
  const redis = await new GenericContainer(REDIS_IMAGE)
    .withExposedPorts(6379)
    .withCommand(['valkey-server', '--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'])
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .withStartupTimeout(STARTUP_MS)
    .start();
  started.defer(async () => void (await redis.stop()));
  const keys = { accessKeyId: 'wavspool-test', secretAccessKey: 'wavspool-test-secret' };
  const identity = {
    name: 'test',
    credentials: [{ accessKey: keys.accessKeyId, secretKey: keys.secretAccessKey }],
    actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
  };
  const s3 = await new GenericContainer(S3_IMAGE)
    .withExposedPorts(8333)
    .withCopyContentToContainer([
      { content: JSON.stringify({ identities: [identity] }), target: '/etc/seaweedfs/s3.json' },
    ])
    .withCommand(['server', '-s3', '-s3.port=8333', '-s3.config=/etc/seaweedfs/s3.json'])
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(STARTUP_MS)
    .start();
  started.defer(async () => void (await s3.stop()));
  const address = { endpoint: `http://${s3.getHost()}:${s3.getMappedPort(8333)}`, ...keys };
  await untilServing(address);
  const stop = started.move();
  return {
    redisUrl: `redis://${redis.getHost()}:${redis.getMappedPort(6379)}`,
    s3: address,
    names: `containers ${REDIS_IMAGE} and ${S3_IMAGE}`,
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  };
}

async function startPrograms(): Promise<Services> {
  await using started = new AsyncDisposableStack();
  try {
    const redis = started.use(await startRedis());
    const s3 = started.use(await startGateway('memory'));
    await untilServing(s3);
    const stop = started.move();
    return {
      redisUrl: redis.url,
      s3,
      names: 'no container runtime answers, so redis-server and the Ceph gateway of this host',
      [Symbol.asyncDispose]: () => stop.disposeAsync(),
    };
  } catch (error) {
    throw new Error(
      'The tests need a container runtime (Docker or Podman), or the programs redis-server, radosgw, ceph-mon and ' +
        'ceph-osd: "make test" installs them.',
      { cause: error },
    );
  }
}

function say(names: string): void {
  process.stderr.write(`test services: ${names}\n`);
}
