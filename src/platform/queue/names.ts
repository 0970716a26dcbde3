import type { Cluster } from 'ioredis';
import type { RedisConnection } from '../redis/index.ts';

/** The three queues of a site; what is in them is work in flight, never the truth. */
export const QUEUES = ['extract', 'upload', 'maintenance'] as const;
export type QueueKind = (typeof QUEUES)[number];

/** Where a site's keys lie in Redis. */
export interface SiteKeys {
  readonly site: string;
  /** How each key begins. */
  readonly prefix: string;
}

/**
 * Where a site's keys lie. BullMQ's scripts touch several keys at once, which a cluster allows only within one slot: there
 * the braces make one of all keys of a site (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
 */
export function siteKeys(site: string, isCluster: boolean): SiteKeys {
  return { site, prefix: isCluster ? `{wavspool:${site}}` : 'wavspool' };
}

/** `main.extract`: the name that BullMQ and Bull Board show. */
export function queueName(site: string, kind: QueueKind): string {
  return `${site}.${kind}`;
}

/** The queues of every site that has worked with this Redis: their names and how their keys begin. */
export async function queuesThere(
  redis: RedisConnection,
  isCluster: boolean,
): Promise<readonly { readonly name: string; readonly prefix: string }[]> {
  const pattern = isCluster ? '{wavspool:*}:*:meta' : 'wavspool:*:meta';
  // each node knows its own keys alone
  const nodes = isCluster ? (redis as unknown as Cluster).nodes('master') : [redis];
  const keys = await Promise.all(nodes.map((node) => keysLike(node, pattern)));
  return keys.flat().flatMap((key) => {
    const { prefix, name } =
      /^(?<prefix>\{wavspool:[^}]*\}|wavspool):(?<name>.*):meta$/.exec(key)?.groups ?? {};
    const isOurs = QUEUES.some((kind) => name?.endsWith(`.${kind}`));
    return isOurs && name !== undefined && prefix !== undefined ? [{ name, prefix }] : [];
  });
}

/** The sites whose queues these are, in order. */
export function sitesOf(queues: readonly { readonly name: string }[]): readonly string[] {
  return [...new Set(queues.map(({ name }) => name.slice(0, name.lastIndexOf('.'))))].toSorted();
}

async function keysLike(node: RedisConnection, pattern: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let cursor = '0'; ;) {
    const [next, found] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
    keys.push(...found);
    if (next === '0') return keys;
    cursor = next;
  }
}

/** The key below which a site's shared figures (heartbeats, the state of the store) lie. */
export function siteKey({ site, prefix }: SiteKeys, what: string): string {
  return `${prefix}:${site}.${what}`;
}
