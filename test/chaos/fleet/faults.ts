import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Fleet, Site } from '../../support/fleet.ts';
import type { PostgresNode } from '../../support/postgres.ts';
import { until } from '../../support/ports.ts';
import type { RedisProcess } from '../../support/redis-nodes.ts';
import type { Numbers } from '../numbers.ts';
import { ROLES, pidsBelow, roleProgram, signal } from '../../support/processes.ts';
import type { TarWorld } from '../faults.ts';
import type { Host } from './ground.ts';

const run = promisify(execFile);

/** What the faults act on. */
export interface World extends TarWorld {
  readonly fleet: Fleet;
  /** By the address of the place. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** Command lines of this version and of the next one, whose ledger has another schema and whose jobs say more. */
  readonly versions: { readonly today: string; readonly tomorrow: string };
  /** The hosts that run the next version. */
  readonly ahead: Set<Site>;
  /** Which PostgreSQL server takes the commits now; shared by whoever acts. */
  readonly ledger: { primary: PostgresNode };
}

/** Something bad that happens, and has ended when the promise resolves; says which of its kinds it was, if it has some. */
export type Fault = (world: World) => Promise<string | void>;

const CLUSTER_HEALS_MS = 120_000;

const seconds = (number: Numbers, from: number, to: number): Promise<void> =>
  delay(1000 * from + number(1000 * (to - from)));

function one<T>(number: Numbers, all: readonly T[]): T {
  const chosen = all[number(all.length)];
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}

function hostAt({ hosts }: World, address: string): Host {
  const host = hosts.get(address);
  if (host === undefined) throw new Error(`no host has the address ${address}`);
  return host;
}

const pidsOf = (site: Site, program: RegExp): Promise<readonly number[]> =>
  pidsBelow(site.directory, program);

async function standStill({ fleet, number }: World, fromS: number, toS: number): Promise<string> {
  const role = one(number, ROLES);
  const pids = await pidsOf(one(number, fleet.sites), roleProgram(role));
  signal(pids, 'SIGSTOP');
  await seconds(number, fromS, toS);
  signal(pids, 'SIGCONT');
  return role;
}

async function cutOff(world: World, host: Host, fromS: number, toS: number): Promise<void> {
  await host.cutOff();
  try {
    await seconds(world.number, fromS, toS);
  } finally {
    await host.plugIn();
  }
}

/** A host is stopped in order and starts with the next version, or goes back to this one. Whoever is first migrates the ledger. */
async function changeVersion({ fleet, number, versions, ahead }: World): Promise<string> {
  const site = one(number, fleet.sites);
  const isBack = ahead.delete(site);
  if (!isBack) {
    ahead.add(site);
    const migrate = [versions.tomorrow, 'state', 'migrate', '--config', site.config];
    await until(
      'the next version has migrated the ledger', // which may be failing over
      async () =>
        run(process.execPath, migrate).then(
          () => true,
          () => false,
        ),
      CLUSTER_HEALS_MS,
    );
  }
  site.install(isBack ? versions.today : versions.tomorrow);
  await site.stop();
  await site.keepUp();
  return isBack ? 'back to this one' : 'to the next one';
}

const siteHost = (world: World): Host => hostAt(world, one(world.number, world.fleet.sites).place.address);

/** What happens to wavspool's own processes. */
export const ROLE_FAULTS: Readonly<Record<string, Fault>> = {
  'kill -9 of a role': async ({ fleet, number }) => {
    const role = one(number, ROLES);
    signal(await pidsOf(one(number, fleet.sites), roleProgram(role)), 'SIGKILL');
    return role;
  },
  'kill -9 of up': async ({ fleet, number }) => {
    const site = one(number, fleet.sites);
    await site.kill(); // its roles must end by themselves
    await seconds(number, 0, 2);
    await site.keepUp();
  },
  'kill -9 of a host’s wavspool': async ({ fleet, number }) => {
    const site = one(number, fleet.sites);
    await site.kill();
    signal(await pidsOf(site, /workers\/[a-z]+\.js/), 'SIGKILL');
    await seconds(number, 0, 4);
    await site.keepUp();
  },
  'a role that stands still': (world) => standStill(world, 1, 8),
  'a host changes its version': changeVersion,
};

/** What happens to the network of the SFTP hosts. */
export const HOST_FAULTS: Readonly<Record<string, Fault>> = {
  'a host is cut off': (world) => cutOff(world, siteHost(world), 1, 10),
  'a host is cut off in the blink of an eye': (world) => cutOff(world, siteHost(world), 0, 1),
  'two hosts are cut off': async (world) => {
    await Promise.all([cutOff(world, siteHost(world), 1, 6), cutOff(world, siteHost(world), 1, 6)]);
  },
};

/** What takes longer than a lease and a job's lock: only a long run has the time. */
export const LONG_FAULTS: Readonly<Record<string, Fault>> = {
  'a role that stands still for a minute': (world) => standStill(world, 45, 75),
  'a host is cut off for a minute': (world) => cutOff(world, siteHost(world), 40, 70),
};

/** What happens to what all hosts share. */
export const ENGINE_FAULTS: Readonly<Record<string, Fault>> = {
  'the primary dies and a standby is promoted': async (world) => {
    const lost = world.ledger.primary;
    await lost.kill();
    await seconds(world.number, 0, 2);
    await promoteAnother(world, lost);
  },
  'the primary stands still, is fenced, and a standby is promoted': async (world) => {
    const lost = world.ledger.primary;
    await lost.signal('SIGSTOP');
    await seconds(world.number, 1, 4);
    await lost.kill();
    await promoteAnother(world, lost);
  },
  'the primary is cut off, a standby is promoted, and the former comes back unfenced': async (world) => {
    const lost = world.ledger.primary;
    const host = hostAt(world, lost.place.address);
    await host.cutOff(); // the Redis of that host goes with it
    await seconds(world.number, 0, 2);
    world.ledger.primary = await world.fleet.postgres.failOver(lost);
    await host.plugIn();
    await seconds(world.number, 1, 4);
    await world.fleet.postgres.rejoin(lost, world.ledger.primary);
    await untilEnginesAreWhole(world);
  },
  'a standby dies': async (world) => {
    const { primary: first, standbys } = world.fleet.postgres;
    const standby = one(
      world.number,
      [first, ...standbys].filter((node) => node !== world.ledger.primary),
    );
    await standby.kill();
    await seconds(world.number, 0, 3);
    await standby.start();
    await untilEnginesAreWhole(world);
  },
  'the Redis master dies': async (world) => {
    const master = await world.fleet.redis.master();
    master.signal('SIGKILL');
    await untilAnotherIsMaster(world, master);
    await master.start();
    await untilEnginesAreWhole(world);
  },
  'the Redis master stands still': async (world) => {
    const master = await world.fleet.redis.master();
    master.signal('SIGSTOP');
    await untilAnotherIsMaster(world, master);
    master.signal('SIGCONT');
    await untilEnginesAreWhole(world);
  },
  'the Redis master is cut off': async (world) => {
    const master = await world.fleet.redis.master();
    const host = hostAt(world, master.place.address);
    await host.cutOff(); // so is the PostgreSQL server there
    try {
      await untilAnotherIsMaster(world, master);
    } finally {
      await host.plugIn();
    }
    await untilEnginesAreWhole(world);
  },
  'Redis forgets everything': async ({ fleet }) => {
    await (await fleet.redis.master()).cli('FLUSHALL');
  },
  'kill -9 of the store': async ({ fleet, number }) => {
    await fleet.store.kill();
    await seconds(number, 0, 3);
    await fleet.store.start();
  },
  'the store is cut off': async (world) => {
    await cutOff(world, hostAt(world, new URL(world.fleet.store.endpoint).hostname), 1, 8);
  },
};

/** What whoever runs PostgreSQL does: promote, and take the lost one in again as a standby. */
async function promoteAnother(world: World, lost: PostgresNode): Promise<void> {
  const { postgres } = world.fleet;
  world.ledger.primary = await postgres.failOver(lost);
  await postgres.rejoin(lost, world.ledger.primary);
  await untilEnginesAreWhole(world);
}

async function untilAnotherIsMaster({ fleet }: World, { port }: RedisProcess): Promise<void> {
  await until('the sentinels choose another master', async () => {
    const master = await fleet.redis.master();
    return master.port !== port && (await master.cli('ROLE')).startsWith('master');
  });
}

/** All standbys follow the primary, all replicas the master: only then the next engine may be lost. */
export async function untilEnginesAreWhole({ fleet, ledger }: World): Promise<void> {
  await fleet.postgres.untilWhole(ledger.primary);
  await until(
    'the replicas follow the master',
    async () => {
      const master = await fleet.redis.master();
      const replication = await master.cli('INFO', 'replication');
      return replication.includes(`connected_slaves:${fleet.redis.nodes.length - 1}`);
    },
    CLUSTER_HEALS_MS,
  );
  await until(
    'the sentinels see all of it up',
    async () => {
      const states = await Promise.all(
        fleet.redis.sentinels.map((sentinel) => sentinel.cli('SENTINEL', 'MASTER', 'calls')),
      );
      return states.every((state) => /^flags\nmaster$/m.test(state) && /^num-slaves\n2$/m.test(state));
    },
    CLUSTER_HEALS_MS,
  );
}
