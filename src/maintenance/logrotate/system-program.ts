import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { errnoOf } from '../../domain/faults.ts';

export type ProgramEnd =
  | { readonly kind: 'ended'; readonly code: number; readonly said: string }
  | { readonly kind: 'missing' };

/** Programs of the system, not what a PATH of the service may put before them; their messages in English. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Runs a program with open files of ours as its descriptors 3, 4, …; a killed one ends with code 255. */
export async function runWithFiles(
  program: string,
  args: readonly string[],
  descriptors: readonly number[],
): Promise<ProgramEnd> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    env: ENVIRONMENT,
  });
  let said = '';
  child.stderr?.on('data', (chunk) => (said += String(chunk)));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { kind: 'ended', code: code ?? 255, said: said.trim() };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { kind: 'missing' };
    throw error;
  }
}
