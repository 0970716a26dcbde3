import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import type { Finding } from './finding.ts';

/** Whether a directory can be used in that way (an access mode), or made where it is not there yet; nothing is made. */
export async function directoryFinding(name: string, path: string, mode: number): Promise<Finding> {
  const remedy = `give the user of wavspool access to ${path}`;
  try {
    const there = await nearestThere(path);
    if (there === path) {
      await access(path, mode);
      return { name, ok: true, found: path, remedy };
    }
    await access(there, constants.W_OK | constants.X_OK);
    return { name, ok: true, found: `${path} is not there yet, and will be made`, remedy };
  } catch (error) {
    return { name, ok: false, found: messageOf(error), remedy };
  }
}

/** The path itself, else the closest of the directories above it that is there. */
export async function nearestThere(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const above = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || above === path) throw error;
    return nearestThere(above);
  }
}
