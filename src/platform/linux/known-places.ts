import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { makeDirectory, writeDurably } from '../runtime/index.ts';
import { hasMoved, placeOf, type Place } from './place-of.ts';

// Where the directories lay in which wavspool worked last: `<data>/places/`. A disk that is not mounted leaves an empty directory
// behind, and after a restart nothing else tells that directory from the disk.

interface Known extends Place {
  readonly path: string;
}

/** The file that says where `directory` lay. */
export function noteOf(directory: string, dataDirectory: string): string {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  return join(dataDirectory, 'places', `${name}.json`);
}

/**
 * Why `directory` is not the one that wavspool worked in last: its file system is not mounted, or cannot be asked. Undefined when it
 * is, when it lies elsewhere by now, and when nothing is known of it.
 */
export function whyAway(directory: string, dataDirectory: string): string | undefined {
  try {
    const known = readNote(directory, dataDirectory);
    const found = known === undefined ? undefined : placeOf(directory);
    if (known === undefined || found === undefined || hasMoved(known, found) !== 'gone') return undefined;
    return notMounted(directory, known, noteOf(directory, dataDirectory));
  } catch (error) {
    return `${directory} cannot be reached: ${messageOf(error)}`;
  }
}

/** Whether wavspool has worked in `directory` before. Throws what the system says. */
export function isKnownPlace(directory: string, dataDirectory: string): boolean {
  return readNote(directory, dataDirectory) !== undefined;
}

/** Throws HOST_FAILING where {@link whyAway} has a reason. */
export function requirePlace(directory: string, dataDirectory: string): void {
  const away = whyAway(directory, dataDirectory);
  if (away !== undefined) throw new WavspoolError('HOST_FAILING', away);
}

/** What is said of a directory whose file system is not mounted. */
export function notMounted(directory: string, { point, type, source }: Place, note: string): string {
  const remedy = `mount it; if it is not to come back, remove ${note}`;
  return `${directory} is away: it lay on the file system at ${point} (${type} ${source}), which is not mounted (${remedy})`;
}

/** Notes where `directory` lies, unless that is known. Throws what the system says. */
export async function notePlace(directory: string, dataDirectory: string): Promise<void> {
  const found = placeOf(directory);
  if (found === undefined) return;
  const known = readNote(directory, dataDirectory);
  const note: Known = { path: directory, ...found };
  if (known !== undefined && JSON.stringify(known) === JSON.stringify(note)) return;
  const file = noteOf(directory, dataDirectory);
  await makeDirectory(join(dataDirectory, 'places'), 0o700);
  await writeDurably(file, `${JSON.stringify(note)}\n`, 0o600);
}

function readNote(directory: string, dataDirectory: string): Known | undefined {
  try {
    const note = JSON.parse(readFileSync(noteOf(directory, dataDirectory), 'utf8')) as Partial<Known>;
    const { path, point, type, source, inside } = note;
    const isWhole = [point, type, source, inside].every((one) => typeof one === 'string');
    return isWhole && path === directory ? (note as Known) : undefined;
  } catch (error) {
    // nothing is known of it, or the note is spoilt, and the next one replaces it
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
