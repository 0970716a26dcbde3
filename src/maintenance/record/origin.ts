import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WavspoolError, unlessGone } from '../../domain/faults.ts';
import {
  makeDirectory,
  publishUnlessTaken,
  syncDirectory,
  syncFile,
  temporaryPath,
} from '../../platform/runtime/index.ts';

/**
 * The id of a data directory, made when it is first asked for. It stands in the record of every copy, so that two wavspools that
 * write to one directory or one bucket never take each other's copies for their own. Throws STATE_UNUSABLE.
 */
export async function originOf(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'origin');
  const known = await readFile(path, 'utf8').catch(unlessGone);
  if (known !== undefined) {
    const id = known.trim();
    if (/^[0-9a-f-]{36}$/.test(id)) return id;
    throw new WavspoolError(
      'STATE_UNUSABLE',
      `${path} holds no id: restore it, or remove it and adopt the copies anew`,
    );
  }
  await makeDirectory(dataDirectory);
  const temporary = temporaryPath(dataDirectory);
  try {
    await writeFile(temporary, `${randomUUID()}\n`, { flag: 'wx', mode: 0o600 });
    await syncFile(temporary);
    if (publishUnlessTaken(temporary, path)) await syncDirectory(dataDirectory);
  } finally {
    await rm(temporary, { force: true });
  }
  return originOf(dataDirectory); // another process may have been quicker
}
