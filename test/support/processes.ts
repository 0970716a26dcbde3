import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from './ports.ts';

const run = promisify(execFile);

export const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'] as const;

/** The process of a role: watch, maintain and dashboard share one. */
export const roleProgram = (role: string): RegExp =>
  new RegExp(`workers/${['extract', 'upload'].includes(role) ? role : 'control'}\\.js`);

/**
 * The pids of the programs that work on something below a directory, as the kernel knows them: a role may be too young for its
 * heartbeat.
 */
export async function pidsBelow(directory: string, program: RegExp): Promise<readonly number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,args=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes(directory) && program.test(line))
    .map((line) => Number.parseInt(line, 10));
}

/** Resolves once no wavspool works below a directory: the roles of an `up` that was killed see it a moment later, and end in order. */
export async function untilLeft(directory: string): Promise<void> {
  const works = async (): Promise<boolean> =>
    (await pidsBelow(directory, /workers\/|bin\/wavspool\.js/)).length > 0;
  await until(`nothing works below ${directory}`, async () => !(await works()));
}

export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // it was quicker
    }
  }
}
