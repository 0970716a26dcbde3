import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Place } from '../../support/place.ts';
import { signal } from '../../support/processes.ts';

// Hosts of one network on one machine: a network namespace each, with a name and an address of its own. Their cables meet in a switch, a
// bridge in a namespace of its own, where no firewall of this machine (Docker's, say) sees what they send. A cable can be pulled.

const run = promisify(execFile);
const MOST_NETWORKS = 200;
const NAMESPACES = '/run/netns';
const BRIDGE = 'br0';
const REMEDY =
  'A fleet of hosts on one machine needs network namespaces, veth pairs and a bridge: run this as root, with iproute2, on a Linux ' +
  'kernel with the module bridge; in a container, with CAP_NET_ADMIN and CAP_SYS_ADMIN (docker run --privileged).';

/** One host of the network. */
export interface Host extends Place {
  readonly name: string;
  /** Pulls its cable: what it sends, and what is sent to it, is lost from now on. */
  cutOff(): Promise<void>;
  /** Plugs it in again. Safe to repeat. */
  plugIn(): Promise<void>;
}

/** A network of hosts; disposing of it ends every program on them and removes them. */
export interface Ground extends AsyncDisposable {
  host(name: string): Promise<Host>;
}

/** This machine cannot be several hosts; the message says what is missing. */
export class NoGround extends Error {}

/** Opens a network that no other on this machine has. Throws {@link NoGround} with the remedy where that is not possible. */
export async function openGround(): Promise<Ground> {
  const { name: network, subnet } = await openSwitch();
  const inSwitch = ['-n', network];
  const namespaces = [network];
  const dispose = async (): Promise<void> => {
    for (const namespace of namespaces.toReversed()) {
      const { stdout } = await run('ip', ['netns', 'pids', namespace]);
      signal(stdout.trim().split('\n').filter(Boolean).map(Number), 'SIGKILL');
      await ip('netns', 'delete', namespace); // its end of the cable goes with it, and so does the other
    }
  };
  try {
    await ip(...inSwitch, 'link', 'add', BRIDGE, 'type', 'bridge');
    await ip(...inSwitch, 'link', 'set', BRIDGE, 'up');
    await ip('link', 'add', network, 'type', 'veth', 'peer', 'name', 'driver', 'netns', network);
    await ip(...inSwitch, 'link', 'set', 'driver', 'master', BRIDGE, 'up');
    await ip('address', 'add', `${subnet}.1/24`, 'dev', network);
    await ip('link', 'set', network, 'up');
  } catch (error) {
    await dispose();
    throw refused(error);
  }
  return {
    host: async (name) => {
      const namespace = `${network}-${name}`;
      const address = `${subnet}.${10 + namespaces.length}`;
      await ip('netns', 'add', namespace);
      namespaces.push(namespace);
      await ip(...inSwitch, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
      await ip(...inSwitch, 'link', 'set', name, 'master', BRIDGE, 'up');
      await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      for (const device of ['lo', 'eth0']) await ip('-n', namespace, 'link', 'set', device, 'up');
      const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', name];
      return {
        name,
        address,
        enter: ['nsenter', `--net=${NAMESPACES}/${namespace}`, ...named],
        cutOff: () => ip(...inSwitch, 'link', 'set', name, 'down'),
        plugIn: () => ip(...inSwitch, 'link', 'set', name, 'up'),
      };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Another run on this machine may have a network: the first number that is free is ours. */
async function openSwitch(): Promise<{ readonly name: string; readonly subnet: string }> {
  if (process.getuid?.() !== 0) throw new NoGround(`this is not root. ${REMEDY}`);
  const faults: unknown[] = [];
  for (let n = 0; n < MOST_NETWORKS; n += 1) {
    const name = `wavspool${n}`;
    if (existsSync(join(NAMESPACES, name))) continue;
    try {
      await ip('netns', 'add', name);
      return { name, subnet: `10.213.${n}` };
    } catch (error) {
      if (!existsSync(join(NAMESPACES, name))) throw refused(error);
      faults.push(error); // another run was quicker
    }
  }
  throw new NoGround(`${MOST_NETWORKS} networks are left of earlier runs: "ip netns list" lists them`, {
    cause: new AggregateError(faults),
  });
}

function refused(error: unknown): NoGround {
  const { stderr = '', message } = error as Error & { readonly stderr?: string };
  return new NoGround(`${stderr.trim() || message}. ${REMEDY}`, { cause: error });
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args);
}
