import type { Redis } from 'ioredis';

/** The three queues of a site; what is in them is work in flight, never the truth. */
export const QUEUES = ['extract', 'upload', 'maintenance'] as const;
export type QueueKind = (typeof QUEUES)[number];

/** The prefix of every key in Redis. */
export const PREFIX = 'wavspool';

/** `main.extract`: the name that BullMQ and Bull Board show. */
export function queueName(site: string, kind: QueueKind): string {
  return `${site}.${kind}`;
}

/** The names of the queues of every site that has worked with this Redis. */
export async function queueNames(redis: Redis): Promise<readonly string[]> {
  const names: string[] = [];
  for (let cursor = '0'; ;) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${PREFIX}:*:meta`, 'COUNT', 1000);
    names.push(...keys.map((key) => key.slice(PREFIX.length + 1, -':meta'.length)));
    if (next === '0') return names.filter((name) => QUEUES.some((kind) => name.endsWith(`.${kind}`)));
    cursor = next;
  }
}

/** The key below which a site's shared figures (heartbeats, the state of the store) lie. */
export function siteKey(site: string, what: string): string {
  return `${PREFIX}:${site}.${what}`;
}
