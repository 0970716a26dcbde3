import { expect, test } from 'vitest';
import { redisFindings } from '../../../../src/operate/doctor/redis-findings.ts';
import type { RedisNode } from '../../../../src/platform/redis/index.ts';

const node = (changes: Partial<RedisNode> = {}): RedisNode => ({
  address: 'r1:6379',
  role: 'master',
  version: '7.0.15',
  evictionPolicy: 'noeviction',
  appendOnly: 'yes',
  minReplicasToWrite: '1',
  refusal: undefined,
  ...changes,
});

const of = (nodes: readonly RedisNode[]): Record<string, string> =>
  Object.fromEntries(
    redisFindings(nodes, 'redis://r1:6379/0').map(({ name, ok, found }) => [
      name,
      `${ok ? 'ok' : 'bad'}: ${found}`,
    ]),
  );

test('one server: its version with its address, its eviction policy, its persistence', () => {
  expect(of([node()])).toEqual({
    'redis version': 'ok: 7.0.15 at redis://r1:6379/0',
    'redis eviction': 'ok: noeviction',
    'redis persistence': 'ok: appendonly yes',
  });
  expect(of([node({ version: '6.0.16', evictionPolicy: 'volatile-lru', appendOnly: 'no' })])).toEqual({
    'redis version': 'bad: 6.0.16 at redis://r1:6379/0',
    'redis eviction': 'bad: volatile-lru',
    'redis persistence': 'bad: appendonly no',
  });
});

test('of several servers each counts, and a replica that is set otherwise is named', () => {
  const replica = node({ address: 'r2:6379', role: 'slave' });
  expect(of([node(), replica])).toMatchObject({ 'redis replication': 'ok: min-replicas-to-write 1' });
  expect(of([node(), { ...replica, evictionPolicy: 'allkeys-lru', minReplicasToWrite: '0' }])).toMatchObject({
    'redis eviction': 'bad: r1:6379: noeviction, r2:6379: allkeys-lru',
    'redis replication': 'bad: r1:6379: min-replicas-to-write 1, r2:6379: min-replicas-to-write 0',
    'redis persistence': 'ok: appendonly yes',
  });
});

test('what a managed Redis refuses to tell is no fault, and is told', () => {
  const refusal = "ERR unknown command 'CONFIG'";
  const managed = node({ evictionPolicy: undefined, appendOnly: undefined, refusal });
  expect(of([managed])).toMatchObject({
    'redis eviction': `ok: could not be asked (${refusal})`,
    'redis persistence': `ok: could not be asked (${refusal})`,
  });
});

test('a server that does not answer is a fault by itself', () => {
  const down = node({ address: 'r3:6379', version: undefined, refusal: 'connect ECONNREFUSED' });
  expect(of([node(), down])).toMatchObject({
    'redis nodes': 'bad: r3:6379: connect ECONNREFUSED',
    'redis eviction': 'ok: noeviction',
  });
  expect(of([down])).toEqual({ 'redis nodes': 'bad: r3:6379: connect ECONNREFUSED' });
});
