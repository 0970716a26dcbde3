import { randomUUID } from 'node:crypto';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import type { Report } from '../../domain/events.ts';
import { writeDurably } from '../../platform/runtime/index.ts';
import { putBack, type OnItsWayOut } from './remove-unchanged.ts';

/** What is on its way out is noted in a directory of wavspool's own: among the files of others no name can be trusted. */
const JOURNAL = /^removing-.*\.json$/;

/** Notes files that are to go, until `end` says that each of them has gone or stays. Throws what the system says. */
export async function noteRemovals(
  scratch: string,
  ways: readonly OnItsWayOut[],
): Promise<{ end(): Promise<void> }> {
  const path = join(scratch, `removing-${randomUUID()}.json`);
  await writeDurably(path, JSON.stringify(ways), 0o600);
  return { end: () => rm(path, { force: true }) };
}

/**
 * Gives files that a crash left on their way out their names back; returns how many. One that cannot be reached is reported and
 * stays noted. Safe to repeat. Throws what the system says of `scratch`.
 */
export async function putBackInterrupted(scratch: string, report: Report): Promise<number> {
  let restored = 0;
  for (const name of (await readdir(scratch)).filter((name) => JOURNAL.test(name))) {
    const left: OnItsWayOut[] = [];
    for (const way of await readNote(join(scratch, name))) {
      try {
        restored += Number(await putBack(way));
      } catch (error) {
        left.push(way);
        const reason = `it was on its way out as ${way.aside} beside it: ${messageOf(error)}`;
        report('file kept', { path: way.path, reason });
      }
    }
    if (left.length === 0) await rm(join(scratch, name), { force: true });
  }
  return restored;
}

async function readNote(path: string): Promise<readonly OnItsWayOut[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as OnItsWayOut[];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []; // the role of another process was quicker
    throw error;
  }
}
