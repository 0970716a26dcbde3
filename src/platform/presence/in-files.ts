import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessGone } from '../../domain/faults.ts';
import { TEMPORARY_PREFIX, makeDirectory, temporaryPath, type Clock } from '../runtime/index.ts';
import { fieldOf, inOrder, isSilent, type Heartbeat, type Presence } from './heartbeat.ts';

const SUFFIX = '.json';

/**
 * Heartbeats as files in `<dataDirectory>/roles`, one for each role of each process. They are hints, so nothing is synced. Who
 * looks changes nothing; who begins to beat removes what those have left that are gone.
 */
export function presenceInFiles(dataDirectory: string, clock: Pick<Clock, 'now'>): Presence {
  const directory = join(dataDirectory, 'roles');
  const fileOf = (heartbeat: Pick<Heartbeat, 'role' | 'host' | 'pid'>): string =>
    join(directory, `${fieldOf(heartbeat).replaceAll(/[^\w.@:+-]/g, '_')}${SUFFIX}`);
  const begun = new Set<string>();

  const begin = async (file: string): Promise<void> => {
    await makeDirectory(directory);
    for (const left of await beatsIn(directory)) {
      if (left.beat === undefined || isSilent(left.beat, clock.now())) await rm(left.file, { force: true });
    }
    begun.add(file);
  };

  return {
    beat: async (heartbeat) => {
      const file = fileOf(heartbeat);
      if (!begun.has(file)) await begin(file);
      const temporary = temporaryPath(directory);
      try {
        await writeFile(temporary, JSON.stringify(heartbeat), { mode: 0o640 });
        await rename(temporary, file); // who reads finds the whole of one
      } catch (error) {
        await rm(temporary, { force: true });
        begun.delete(file); // the directory may be gone
        throw error;
      }
    },
    leave: (heartbeat) => rm(fileOf(heartbeat), { force: true }),
    heartbeats: async () =>
      (await beatsIn(directory))
        .flatMap(({ beat }) => beat ?? [])
        .filter((beat) => !isSilent(beat, clock.now()))
        .toSorted(inOrder),
  };
}

interface Found {
  readonly file: string;
  /** Absent for a file that a power loss has cut. */
  readonly beat: Heartbeat | undefined;
}

async function beatsIn(directory: string): Promise<readonly Found[]> {
  const names = (await readdir(directory).catch(unlessGone)) ?? [];
  const files = names.filter((name) => name.endsWith(SUFFIX) && !name.startsWith(TEMPORARY_PREFIX));
  const found = await Promise.all(
    files.map(async (name): Promise<Found[]> => {
      const file = join(directory, name);
      const text = await readFile(file, 'utf8').catch(unlessGone); // its role has just left
      return text === undefined ? [] : [{ file, beat: beatIn(text) }];
    }),
  );
  return found.flat();
}

function beatIn(text: string): Heartbeat | undefined {
  try {
    return JSON.parse(text) as Heartbeat;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
