import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../src/platform/config/index.ts';
import { openMaintenance, type Maintenance } from '../../src/maintenance/catalogue/index.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { runCommand, type Ended } from './run-command.ts';

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');

/** A host that wavspool keeps, without Redis and without recordings: a directory, a settings file, the command line. */
export interface HostRig extends AsyncDisposable {
  readonly directory: string;
  /** What the commands work with, in this process. */
  readonly host: Maintenance;
  /** What was reported in this process. */
  readonly reported: string[];
  /** One command that ends by itself, in this process. */
  wavspool(...args: string[]): Promise<Ended>;
  /** A command in a process of its own; its output is dropped. */
  launch(...args: string[]): ChildProcess;
  /** The names in a directory below the rig's, without wavspool's own temporaries unless asked. */
  names(directory: string, withTemporaries?: boolean): Promise<readonly string[]>;
}

/** Makes the host; in the settings `DIR` stands for its directory. */
export async function makeHostRig(settings: string, clock: Clock = systemClock): Promise<HostRig> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-host-'));
  const config = join(directory, 'wavspool.yaml');
  await writeFile(config, `paths: { data: DIR/data }\n${settings}`.replaceAll('DIR', directory));
  const reported: string[] = [];
  const host = await openMaintenance({
    settings: loadSettings({ configFile: config, env: {} }).settings,
    clock,
    random: Math.random,
    report: (event, fields) => reported.push(`${event} ${JSON.stringify(fields)}`),
  });
  const command = ['--config', config];
  return {
    directory,
    host,
    reported,
    wavspool: (...args) => runCommand([...command, ...args]),
    launch: (...args) => spawn(process.execPath, [BIN, ...command, ...args], { stdio: 'ignore' }),
    names: async (below, withTemporaries = false) => {
      const found = await readdir(join(directory, below));
      return found.filter((name) => withTemporaries || !name.startsWith('.wavspool')).toSorted();
    },
    [Symbol.asyncDispose]: async () => {
      host.close();
      await rm(directory, { recursive: true });
    },
  };
}
