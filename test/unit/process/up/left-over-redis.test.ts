import { expect, test } from 'vitest';
import { isRedisServer } from '../../../../src/process/up/left-over-redis.ts';

test.each([
  ['as it is started', 'redis-server\0--port\x000\0--unixsocket\0redis.sock\0--dir\0/srv/data/redis\0', true],
  ['as it calls itself', 'redis-server unixsocket:redis.sock\0\0', true],
  ['its fork that rewrites the file', 'redis-aof-rewrite unixsocket:redis.sock\0', true],
  ['another program', 'node\0client.js\0redis-server\0', false],
  ['a client of Redis', 'redis-cli\0-s\0redis.sock\0MONITOR\0', false],
  ['a process that has ended', '', false],
])('a redis-server by its command line: %s', (_name, command, is) => {
  expect(isRedisServer(command)).toBe(is);
});
