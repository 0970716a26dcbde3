import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { messageOf } from '../../domain/faults.ts';
import { withDirectory } from '../../platform/linux/index.ts';
import { writeRecord } from '../record/index.ts';
import {
  compressionOf,
  isUnpackFault,
  sha256OfFile,
  unpackers,
  type Clock,
} from '../../platform/runtime/index.ts';
import type { Adoption } from '../snapshot/index.ts';
import { listExports, ownerOf, type ExportCatalogueDeps } from './catalogue.ts';
import type { ExportSettings } from './deps.ts';

/**
 * Takes over the exports of an entry that no record of this wavspool names, each after it was read whole: retention counts them
 * from then on. With `dryRun` nothing is written. One that cannot be decompressed, or is stored otherwise than this entry stores
 * its own, stays as it is. Safe to repeat.
 */
export async function adoptExports(
  deps: ExportCatalogueDeps & { readonly clock: Clock },
  database: DatabaseSettings,
  entry: ExportSettings,
  { dryRun, isNamed }: { readonly dryRun: boolean; readonly isNamed: boolean },
  signal: AbortSignal,
): Promise<readonly Adoption[]> {
  const strangers = (await listExports(deps, database, entry)).filter(({ foreign }) => foreign !== undefined);
  const adoptions: Adoption[] = [];
  for (const { name, path, at, bytes, foreign } of strangers) {
    const of = { database: database.name, schedule: entry.name, path, at };
    const isOtherwise = !isNamed && compressionOf(name) !== entry.compress;
    const fault = isOtherwise
      ? `it is not stored as ${entry.compress}: choose with --schedule`
      : await unreadable(path, signal);
    if (fault !== undefined) {
      adoptions.push({ ...of, adopted: false, reason: fault });
      continue;
    }
    const owner = await ownerOf(deps, database, entry);
    const sha256 = await sha256OfFile(path, signal);
    const record = {
      ...owner,
      file: name,
      at,
      count: 0,
      bytes,
      sha256,
      amounts: {},
      adoptedAt: deps.clock.now(),
    };
    if (!dryRun) await withDirectory(dirname(path), (directory) => writeRecord(directory, record));
    adoptions.push({ ...of, adopted: true, reason: foreign ?? '' });
  }
  return adoptions;
}

async function unreadable(path: string, signal: AbortSignal): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline([createReadStream(path), ...unpackers(compressionOf(path)), nowhere], { signal });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!isUnpackFault(error)) throw error;
    return `it cannot be decompressed: ${messageOf(error)}`;
  }
}
