/** What `redis.url` may be. */
export const REDIS_ADDRESS =
  'redis://[user:password@]host[:port][/database], rediss://… or unix:///path/to/socket, with what is no letter of an address (as "@", "/", "#" in a password) written as %40, %2F, %23';

/** Whether an address can be used as it stands: nothing in it is left out in silence. */
export function isRedisAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /\s/.test(text) || url.search !== '' || url.hash !== '') return false;
  if (![url.username, url.password, url.pathname].every(isDecodable)) return false;
  switch (url.protocol) {
    case 'unix:':
      return url.host === '' && url.pathname.length > 1;
    case 'redis:':
    case 'rediss:':
      return url.hostname !== '' && /^(?:\/\d{0,5})?$/.test(url.pathname);
    default:
      return false;
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // a URIError for a "%" that stands for nothing: that is the answer, not a fault
  }
}

/** The settings that say where Redis is. */
export interface RedisPlace {
  readonly url?: unknown;
  readonly sentinels?: unknown;
  readonly cluster?: unknown;
}

/** Whether the settings name no Redis, so that `up` starts a private one. */
export function isEmbeddedRedis({ url, sentinels, cluster }: RedisPlace): boolean {
  return url === undefined && sentinels === undefined && cluster === undefined;
}

/** What an entry of `redis.sentinels` and `redis.cluster` is. */
export const REDIS_NODE = 'host:port, e.g. redis1:26379 or [fd00::1]:6379';

const NODE = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[A-Za-z0-9_][A-Za-z0-9._-]*)):(?<port>\d{1,5})$/;

/** An entry of `redis.sentinels` or `redis.cluster` by its parts; undefined where it is none. */
export function redisNode(text: string): { readonly host: string; readonly port: number } | undefined {
  const { v6, name, port } = NODE.exec(text)?.groups ?? {};
  const host = v6 ?? name;
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}
