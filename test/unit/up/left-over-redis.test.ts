import { describe, expect, test } from 'vitest';
import { isRedisServerOn } from '../../../src/up/left-over-redis.ts';

describe('isRedisServerOn', () => {
  const socket = '/srv/data/redis/redis.sock';

  test.each([
    ['as it is started', `redis-server\0--port\x000\0--unixsocket\0${socket}\0--dir\0/srv/data/redis\0`],
    ['as it calls itself', `redis-server unixsocket:${socket}\0\0`],
    ['with a mode behind', `redis-server unixsocket:${socket} [cluster]\0`],
    ['its fork that rewrites the file', `redis-aof-rewrite unixsocket:${socket}\0`],
  ])('%s', (_name, command) => {
    expect(isRedisServerOn(command, socket)).toBe(true);
  });

  test.each([
    ['another directory that ends the same', `redis-server unixsocket:/old${socket}\0`],
    ['a longer name', `redis-server unixsocket:${socket}.old\0`],
    ['another program', `node\0client.js\0unixsocket:${socket}\0`],
    ['a client of Redis', `redis-cli\0-s\0${socket}\0MONITOR\0`],
    ['a process that has ended', ''],
  ])('not %s', (_name, command) => {
    expect(isRedisServerOn(command, socket)).toBe(false);
  });
});
