import { expect, test } from 'vitest';
import { redisAddress, redisPlace } from '../../../../src/platform/redis/place.ts';
import { FollowingConnector } from '../../../../src/platform/redis/sentinel-connector.ts';
import { load } from '../config/place-settings.ts';

const placeOf = (redis: string): ReturnType<typeof redisPlace> =>
  redisPlace(load(`redis: ${redis}`).settings);

const shown = (redis: string): string => redisAddress(load(`redis: ${redis}`).settings);

test('an address: its parts decoded, and credentials of their own go over its', () => {
  expect(placeOf('{ url: "rediss://me:p%40ss@[fd00::1]:7000/3" }')).toEqual({
    kind: 'one',
    options: { host: 'fd00::1', port: 7000, username: 'me', password: 'p@ss', db: 3, tls: {} },
  });
  expect(placeOf('{ url: "redis://a:b@r", username: c, password: d }').options).toMatchObject({
    host: 'r',
    port: 6379,
    username: 'c',
    password: 'd',
  });
});

test('sentinels: the master by its name, each fail-over heard of, both encrypted', () => {
  expect(
    placeOf(
      '{ sentinels: ["s1:26379", "[::1]:2"], name: calls, sentinelPassword: x, tls: { servername: r } }',
    ),
  ).toEqual({
    kind: 'sentinels',
    options: {
      sentinels: [
        { host: 's1', port: 26_379 },
        { host: '::1', port: 2 },
      ],
      name: 'calls',
      role: 'master',
      failoverDetector: true,
      Connector: FollowingConnector,
      sentinelPassword: 'x',
      tls: { servername: 'r' },
      enableTLSForSentinelMode: true,
      sentinelTLS: { servername: 'r' },
    },
  });
});

test('a cluster by some of its nodes', () => {
  expect(placeOf('{ cluster: ["a:1"], tls: {} }')).toEqual({
    kind: 'cluster',
    nodes: [{ host: 'a', port: 1 }],
    options: { tls: {} },
  });
});

test('P9: what people see holds no password', () => {
  expect(shown('{ url: "redis://:hunter2@r/1" }')).toBe('redis://r:6379/1');
  expect(shown('{ sentinels: ["s:1", "t:2"], name: calls, password: hunter2 }')).toBe(
    'the master calls of the sentinels s:1, t:2',
  );
  expect(shown('{ cluster: ["a:1"], password: hunter2 }')).toBe('the cluster of a:1');
});

test('a certificate that cannot be read is told with its setting and its file', () => {
  expect(() => placeOf('{ cluster: ["a:1"], tls: { ca: /nowhere.pem } }')).toThrow(
    /redis\.tls\.ca: \/nowhere\.pem cannot be read/,
  );
});
