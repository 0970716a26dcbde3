import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../src/platform/config/index.ts';
import { openHost, type Host } from '../../src/maintenance/catalogue/index.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host that wavspool keeps, without Redis and without recordings: a directory, a settings file, the command line. */
export interface HostRig extends AsyncDisposable {
  readonly directory: string;
  /** What the commands work with, in this process. */
  readonly host: Host;
  /** What was reported in this process. */
  readonly reported: string[];
  wavspool(...args: string[]): Promise<Ended>;
  /** As wavspool, but returns while it runs; its output is dropped. */
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
  const host = await openHost({
    settings: loadSettings({ configFile: config, env: {} }).settings,
    clock,
    dice: Math.random,
    report: (event, fields) => reported.push(`${event} ${JSON.stringify(fields)}`),
  });
  const command = ['--config', config];
  return {
    directory,
    host,
    reported,
    wavspool: async (...args) => {
      const child = spawn(process.execPath, [BIN, ...command, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const output = { stdout: '', stderr: '' };
      child.stdout.on('data', (chunk) => (output.stdout += String(chunk)));
      child.stderr.on('data', (chunk) => (output.stderr += String(chunk)));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, ...output };
    },
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
