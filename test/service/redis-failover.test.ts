import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onReturnOf, patientConnection } from '../../src/platform/redis/connection.ts';
import { redisPlace } from '../../src/platform/redis/place.ts';
import { FollowingConnector } from '../../src/platform/redis/sentinel-connector.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { load } from '../unit/platform/config/place-settings.ts';
import { until } from '../support/ports.ts';
import { startCluster, startSentinels, type RedisNodes } from '../support/redis-nodes.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// A Redis that fails over by itself, with the roles at work: whatever dies or stands still, everything that lands is stored.

describe.each([
  ['sentinels, with TLS and passwords', startSentinels, 'wavspool:rig.upload:meta'],
  ['a cluster', startCluster, '{wavspool:rig}:rig.upload:meta'],
] as const)('%s', (_, start, key) => {
  let redis: RedisNodes;
  let rig: Rig;
  let landed = 0;

  beforeAll(async () => {
    redis = await start();
    rig = await startRig(
      undefined,
      // the rescan at the start and the one after a fail-over, and no other
      { redis: redis.settings, arrival: { rescanSeconds: 86_400, quietSeconds: 0.1 } },
      { together: true },
    );
  });
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  async function land(tars: number): Promise<void> {
    for (let n = 0; n < tars; n += 1) {
      landed += 1;
      await rig.land(`${landed}.tar`, makeTar([{ name: `${landed}.wav`, body: randomBytes(900) }]));
    }
  }

  test('work goes through it', async () => {
    await land(5);
    await rig.settled(landed);
  });

  test.each(['SIGKILL', 'SIGSTOP'] as const)('the master gets %s in the middle of work', async (signal) => {
    const before = await redis.master(key);
    await land(5);
    before.signal(signal);
    await land(10);
    await until('another is the master', async () => (await redis.master(key)).port !== before.port);
    await rig.settled(landed);
    if (signal === 'SIGKILL') await before.start();
    else before.signal('SIGCONT');
    await until('it follows the other', async () => (await before.cli('ROLE')).startsWith('slave'));
    await land(5);
    await rig.settled(landed);
    expect((await rig.log()).includes('unexpected fault')).toBe(false);
  });

  test('doctor asks every server, and says which is wrong or down', async () => {
    const [first] = redis.nodes;
    if (first === undefined) throw new Error('there is no node');
    expect(await findingOf(rig, 'redis eviction')).toMatchObject({ ok: true, found: 'noeviction' });
    await first.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await findingOf(rig, 'redis eviction')).toMatchObject({
      ok: false,
      found: expect.stringContaining(`127.0.0.1:${first.port}: allkeys-lru`),
    });
    await first.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  test('Bull Board shows its queues, and no password is in the log or in what is shown', async () => {
    const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${rig.http}/queues/api/queues`, { headers });
    const { queues } = (await answer.json()) as { queues: { name: string }[] };
    expect(queues.map(({ name }) => name)).toEqual(['rig.extract', 'rig.upload', 'rig.maintenance']);
    const { stdout } = await rig.wavspool('config', 'show');
    expect(`${stdout}${await rig.log()}`).not.toMatch(/shared-by-all|of-the-sentinels/);
  });
});

async function findingOf(rig: Rig, name: string): Promise<{ ok: boolean; found: string } | undefined> {
  const { stdout } = await rig.wavspool('doctor', '--json');
  const { findings } = JSON.parse(stdout) as { findings: { name: string; ok: boolean; found: string }[] };
  return findings.find((finding) => finding.name === name);
}

interface Listener {
  readonly sentinels: readonly { readonly client: Pick<Redis, 'emit' | 'status'> }[];
}

test('a fail-over that is told of while the master is sought does not end the search', async () => {
  await using redis = await startSentinels();
  const { settings } = load(`redis: ${JSON.stringify(redis.settings)}`);
  const options = redisPlace(settings).options as ConstructorParameters<typeof FollowingConnector>[0];
  const connector = new FollowingConnector({ ...options, sentinelMaxConnections: 10 }); // ioredis' own default
  const listener = (): Listener | null =>
    (connector as unknown as { failoverDetector: Listener | null }).failoverDetector;
  await once(await connector.connect(() => undefined), 'secureConnect');
  const hears = (): readonly string[] => listener()?.sentinels.map(({ client }) => client.status) ?? [];
  await until('it listens to the sentinels', () => hears().join() === 'ready,ready,ready');

  const sought = connector.connect(() => undefined);
  for (const { client } of listener()?.sentinels ?? []) client.emit('message', '+switch-master', '');
  const stream = await sought;
  await once(stream, 'secureConnect');
  stream.destroy();
  connector.disconnect();
});

test('other masters of a cluster are told of, also when the old one only stood still and no connection was lost', async () => {
  await using redis = await startCluster();
  const { settings } = load(`redis: ${JSON.stringify(redis.settings)}`);
  const connection = patientConnection(settings, () => undefined, systemClock);
  let told = 0;
  onReturnOf(connection, () => (told += 1));
  await connection.set('queue', 'before');
  const before = await redis.master('queue');
  before.signal('SIGSTOP');
  await until('another is the master', async () => (await redis.master('queue')).port !== before.port);
  before.signal('SIGCONT');
  await until('it follows the other', async () => (await before.cli('ROLE')).startsWith('slave'));
  await connection.set('queue', 'after');
  await until('it is told', () => told > 0);
  connection.disconnect();
});
