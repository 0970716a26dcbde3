import { Redis, type Cluster } from 'ioredis';
import { messageOf } from '../../domain/faults.ts';
import type { RedisConnection } from './connection.ts';
import { nodesOf, redisPlace, type RedisSettings, type ServerOptions } from './place.ts';
import { isRefusal } from './redis-fault.ts';

/** One server, as it describes itself. */
export interface RedisNode {
  /** `host:port`, or the path of its socket. */
  readonly address: string;
  /** `master` or `slave`, in Redis' words; undefined where it could not be asked. */
  readonly role: string | undefined;
  readonly version: string | undefined;
  readonly evictionPolicy: string | undefined;
  readonly appendOnly: string | undefined;
  /** A write is refused where fewer replicas follow; `0`: none is needed. */
  readonly minReplicasToWrite: string | undefined;
  /** Why something of it could not be asked: a managed Redis allows no CONFIG, a node may be down. */
  readonly refusal: string | undefined;
}

/** A node that does not answer must not hold up the others. */
const DEADLINE_MS = 3000;

/**
 * Every server behind the address of these settings: one, the master and its replicas as a sentinel knows them, or all nodes of a
 * cluster. A server that is down is among them with the reason. Throws what Redis says where no server can name them.
 */
export async function redisNodes(
  redis: RedisConnection,
  settings: RedisSettings,
): Promise<readonly RedisNode[]> {
  const place = redisPlace(settings);
  if (place.kind === 'one') {
    const { path, host, port } = place.options;
    return [await factsOf(redis, path ?? `${host}:${port}`)];
  }
  if (place.kind === 'cluster') {
    const nodes = (redis as unknown as Cluster).nodes('all');
    return Promise.all(nodes.map((node) => factsOf(node, addressOf(node.options))));
  }
  const addresses = await knownToSentinels(settings.redis, place.options);
  const { username, password, tls } = place.options;
  const own = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
  };
  return Promise.all(addresses.map((address) => askOnce({ ...own, ...address })));
}

/** The master and its replicas, as the first sentinel that answers names them. Throws what the last of them ended with. */
async function knownToSentinels(
  redis: RedisSettings['redis'],
  options: ServerOptions,
): Promise<readonly { host: string; port: number }[]> {
  const own = ownOfSentinels(options);
  let fault: unknown;
  for (const address of nodesOf(redis.sentinels ?? [])) {
    const sentinel = impatient({ ...address, ...own });
    try {
      await sentinel.connect();
      const nodes = await nodesBehind(sentinel, redis.name ?? '');
      if (nodes === undefined) throw new Error(`${addressOf(address)} knows no master ${redis.name}`);
      return nodes;
    } catch (error) {
      fault = error;
    } finally {
      sentinel.disconnect();
    }
  }
  throw fault;
}

/** What the sentinels are asked with, besides their addresses. */
function ownOfSentinels({
  sentinelUsername: username,
  sentinelPassword: password,
  sentinelTLS: tls,
}: ServerOptions): ServerOptions {
  return {
    ...(username !== undefined && username !== null && { username }),
    ...(password !== undefined && password !== null && { password }),
    ...(tls !== undefined && { tls }),
  };
}

/** The master of that name and its replicas, as a sentinel knows them; undefined when it knows no such master. */
async function nodesBehind(
  sentinel: ReturnType<typeof impatient>,
  name: string,
): Promise<readonly { host: string; port: number }[] | undefined> {
  const master = (await sentinel.call('SENTINEL', 'get-master-addr-by-name', name)) as
    | readonly string[]
    | null;
  if (master === null) return undefined;
  const replicas = (await sentinel.call('SENTINEL', 'replicas', name)) as readonly string[][];
  const fields = replicas.map((reply) => new Map(pairs(reply)));
  return [
    { host: master[0] ?? '', port: Number(master[1]) },
    ...fields.map((of) => ({ host: of.get('ip') ?? '', port: Number(of.get('port')) })),
  ];
}

async function askOnce(options: ServerOptions): Promise<RedisNode> {
  const node = impatient(options);
  try {
    await node.connect();
    return await factsOf(node, addressOf(options));
  } catch (error) {
    return { ...UNKNOWN, address: addressOf(options), refusal: messageOf(error) };
  } finally {
    node.disconnect();
  }
}

const UNKNOWN = {
  role: undefined,
  version: undefined,
  evictionPolicy: undefined,
  appendOnly: undefined,
  minReplicasToWrite: undefined,
};

async function factsOf(node: Redis, address: string): Promise<RedisNode> {
  const refusals: string[] = [];
  const told = async <Value>(question: Promise<Value>): Promise<Value | undefined> => {
    try {
      return await question;
    } catch (error) {
      if (!(error instanceof Error) || !isRefusal(error)) throw error;
      refusals.push(error.message);
      return undefined;
    }
  };
  const info = (await told(node.info())) ?? '';
  const setting = async (name: string): Promise<string | undefined> => {
    const reply = await told(node.config('GET', name));
    return Array.isArray(reply) ? String(reply[1]) : undefined;
  };
  return {
    address,
    role: /^role:(\S+)/m.exec(info)?.[1],
    version: /^redis_version:(\S+)/m.exec(info)?.[1],
    evictionPolicy: await setting('maxmemory-policy'),
    appendOnly: await setting('appendonly'),
    minReplicasToWrite: await setting('min-replicas-to-write'),
    refusal: refusals[0],
  };
}

function impatient(options: ServerOptions): Redis {
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: DEADLINE_MS,
    commandTimeout: DEADLINE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined); // the call that waits for it throws the same
  return redis;
}

function addressOf({ host, port }: Pick<ServerOptions, 'host' | 'port'>): string {
  return `${host}:${port}`;
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at] ?? '', flat[2 * at + 1] ?? '']);
}
