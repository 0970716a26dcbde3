import { embeddedSocket, redisNode, type Settings } from '../config/index.ts';
import type { RedisOptions } from 'ioredis';
import { tlsOptions } from './tls.ts';
import { FollowingConnector } from './sentinel-connector.ts';
import { unixConnector } from './unix-connector.ts';

/** What is told to a connection to one server. */
export type ServerOptions = Omit<RedisOptions, 'replyMapping'>;

/** What of the settings says where Redis is. */
export type RedisSettings = Pick<Settings, 'redis' | 'paths'>;

/** Where Redis is, as ioredis takes it. */
export type RedisPlace =
  /** One address: a server, a socket, or whatever stands in front of several servers. */
  | { readonly kind: 'one'; readonly options: ServerOptions }
  /** The master of that name, as the sentinels know it. */
  | { readonly kind: 'sentinels'; readonly options: ServerOptions }
  | {
      readonly kind: 'cluster';
      readonly nodes: readonly { readonly host: string; readonly port: number }[];
      readonly options: ServerOptions;
    };

/** How to reach the Redis of these settings. Throws SETTINGS_INVALID for a certificate that cannot be read. */
export function redisPlace(settings: RedisSettings): RedisPlace {
  const { url, sentinels, cluster } = settings.redis;
  const own = { ...credentials(settings.redis), ...encryption(settings.redis) };
  if (cluster !== undefined) return { kind: 'cluster', nodes: nodesOf(cluster), options: own };
  if (sentinels !== undefined)
    return { kind: 'sentinels', options: { ...own, ...bySentinels(settings.redis) } };
  if (url === undefined) return { kind: 'one', options: onSocket(embeddedSocket(settings.paths.data), true) };
  return { kind: 'one', options: { ...byAddress(new URL(url.reveal())), ...own } };
}

/** The addresses of `redis.sentinels` or `redis.cluster`, whose form the settings have checked. */
export function nodesOf(list: readonly string[]): { host: string; port: number }[] {
  return list.flatMap((text) => redisNode(text) ?? []);
}

/** The address of the Redis of these settings, without its password, for people. */
export function redisAddress(settings: RedisSettings): string {
  const { sentinels, name, cluster } = settings.redis;
  if (cluster !== undefined) return `the cluster of ${cluster.join(', ')}`;
  if (sentinels !== undefined) return `the master ${name ?? ''} of the sentinels ${sentinels.join(', ')}`;
  const { path, host, port, db } = redisPlace(settings).options;
  return path === undefined ? `redis://${host}:${port}/${db ?? 0}` : `unix://${path}`;
}

function byAddress(url: URL): ServerOptions {
  if (url.protocol === 'unix:') return onSocket(decodeURIComponent(url.pathname), false);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.pathname.length > 1 ? { db: Number(url.pathname.slice(1)) } : {}),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** The detector hears from the sentinels of a fail-over, also while the old master only stands still. */
function bySentinels(redis: Settings['redis']): ServerOptions {
  const { sentinels = [], name = '', sentinelUsername, sentinelPassword, tls } = redis;
  return {
    sentinels: nodesOf(sentinels),
    name,
    role: 'master',
    failoverDetector: true,
    Connector: FollowingConnector as NonNullable<RedisOptions['Connector']>,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword: sentinelPassword.reveal() }),
    ...(tls !== undefined && { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
  };
}

function credentials({ username, password }: Settings['redis']): ServerOptions {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
  };
}

function encryption({ tls }: Settings['redis']): ServerOptions {
  return tls === undefined ? {} : { tls: tlsOptions(tls) };
}

function onSocket(path: string, isOurs: boolean): ServerOptions {
  return { path, Connector: unixConnector(path, isOurs) };
}
