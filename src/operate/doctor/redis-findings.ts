import type { RedisNode } from '../../platform/redis/index.ts';
import type { Finding } from './finding.ts';

const OLDEST = [6, 2] as const;

/** What `doctor` says of the servers behind the address of Redis: a replica of today is the master of tomorrow, so all count. */
export function redisFindings(nodes: readonly RedisNode[], address: string): readonly Finding[] {
  const down = nodes.filter(({ version }) => version === undefined);
  const up = nodes.filter(({ version }) => version !== undefined);
  const missing: Finding = {
    name: 'redis nodes',
    ok: false,
    found: down.map((node) => `${node.address}: ${node.refusal}`).join('; '),
    remedy: 'start these servers, or let wavspool use INFO there',
  };
  if (up.length === 0) return [missing];
  return [
    ...(down.length === 0 ? [] : [missing]),
    ofEach(up, 'redis version', ({ version }) => version, isNewEnough, {
      remedy: 'Redis 6.2 or newer, or Valkey',
      where: ` at ${address}`,
    }),
    ofEach(
      up,
      'redis eviction',
      ({ evictionPolicy }) => evictionPolicy,
      (policy) => policy === 'noeviction',
      {
        remedy: 'maxmemory-policy noeviction: jobs must not vanish',
      },
    ),
    ofEach(up, 'redis persistence', ({ appendOnly }) => appendOnly && `appendonly ${appendOnly}`, isYes, {
      remedy: 'appendonly yes; without it a restart costs a rescan',
    }),
    ...(nodes.length === 1 ? [] : [replication(up)]),
  ];
}

function replication(up: readonly RedisNode[]): Finding {
  return ofEach(
    up,
    'redis replication',
    ({ minReplicasToWrite: least }) => least && `min-replicas-to-write ${least}`,
    (found) => !found.endsWith(' 0'),
    {
      remedy:
        'min-replicas-to-write 1, min-replicas-max-lag 3; without it a master that is cut off takes jobs which only a rescan finds again',
    },
  );
}

/** One finding about all nodes: what they have in common, or what each has. What none may tell is for people to check. */
function ofEach(
  nodes: readonly RedisNode[],
  name: string,
  valueOf: (node: RedisNode) => string | undefined,
  isRight: (value: string) => boolean,
  { remedy, where = '' }: { readonly remedy: string; readonly where?: string },
): Finding {
  const values = new Set(nodes.map((node) => valueOf(node)));
  const [only] = values;
  const said = (node: RedisNode): string => valueOf(node) ?? `could not be asked (${node.refusal})`;
  const found =
    values.size === 1 && only !== undefined
      ? `${only}${where}`
      : nodes.map((node) => (nodes.length === 1 ? said(node) : `${node.address}: ${said(node)}`)).join(', ');
  return {
    name,
    ok: nodes.every((node) => isRight(valueOf(node) ?? '') || valueOf(node) === undefined),
    found,
    remedy,
  };
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function isYes(value: string): boolean {
  return value.endsWith(' yes');
}
