/** The three queues of a site; what is in them is work in flight, never the truth. */
export const QUEUES = ['extract', 'upload', 'maintenance'] as const;
export type QueueKind = (typeof QUEUES)[number];

/** The prefix of every key in Redis. */
export const PREFIX = 'wavspool';

/** `main.extract`: the name that BullMQ and Bull Board show. */
export function queueName(site: string, kind: QueueKind): string {
  return `${site}.${kind}`;
}

/** The key below which a site's shared figures (heartbeats, the state of the store) lie. */
export function siteKey(site: string, what: string): string {
  return `${PREFIX}:${site}.${what}`;
}
