import { lstat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import type { App } from '../app.ts';
import { WavspoolError, errnoOf } from '../faults.ts';
import type { TarVersion } from '../state/index.ts';
import { createSemaphore } from '../runtime/index.ts';
import { admittedEndings, proveComplete, type Ending } from '../tar/index.ts';
import { knownTars, queueTars } from './tars.ts';

/** Each holds a file open. */
const PROOFS_AT_ONCE = 8;

export interface Ingested {
  readonly tar: TarVersion;
  /** `known`: this version was extracted already. */
  readonly state: 'queued' | 'known';
}

/**
 * Queues these tars (absolute paths) now, without the quiet period; all of them, or none if something is wrong with one.
 * Throws USAGE for a path that is not below the landing directory or no regular file, TAR_MISSING, TAR_INCOMPLETE,
 * REDIS_UNREACHABLE.
 */
export async function ingestTars(
  app: Pick<App, 'settings' | 'state' | 'queues'>,
  paths: readonly string[],
): Promise<readonly Ingested[]> {
  const proofs = createSemaphore(PROOFS_AT_ONCE);
  const tars = await Promise.all(
    paths.map(async (path) => {
      using admitted = new DisposableStack();
      admitted.use(await proofs.acquire(1));
      return await versionToIngest(app.settings, path);
    }),
  );
  const known = await knownTars(app, tars);
  await queueTars(
    app,
    tars.filter(({ path }) => !known.has(path)),
  );
  return tars.map((tar) => ({ tar, state: known.has(tar.path) ? 'known' : 'queued' }));
}

async function versionToIngest({ paths, arrival }: App['settings'], path: string): Promise<TarVersion> {
  const { incoming } = paths;
  const below = relative(incoming, path);
  if (below === '' || below === '..' || below.startsWith(`..${sep}`)) {
    throw new WavspoolError('USAGE', `${path} is not below the landing directory ${incoming}: move it there`);
  }
  let found;
  try {
    found = await lstat(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new WavspoolError('TAR_MISSING', `${path} is not there`, { cause: error });
  }
  if (!found.isFile()) throw new WavspoolError('USAGE', `${path} is no regular file`);
  const proof = await proveComplete(path);
  const admitted: readonly Ending[] = admittedEndings(arrival.unterminated);
  if (proof.kind === 'incomplete' && !admitted.includes(proof.ending))
    throw new WavspoolError('TAR_INCOMPLETE', `not complete: ${proof.reason}`);
  return { path, size: found.size, mtimeMs: Math.floor(found.mtimeMs) };
}
