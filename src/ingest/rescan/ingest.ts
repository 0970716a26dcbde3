import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import type { Settings } from '../../platform/config/index.ts';
import type { IngestDeps } from '../deps.ts';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { requirePlace } from '../../platform/linux/index.ts';
import { versionAt, type TarVersion } from '../../domain/tar.ts';
import { admittedEndings, openTar, proveComplete, type Ending } from '../../platform/tar/index.ts';
import { createSemaphore, isBelow } from '../../platform/runtime/index.ts';
import { knownTars, queueTars } from './tars.ts';

/** Each holds a file open. */
const PROOFS_AT_ONCE = 8;

export interface Ingested {
  readonly tar: TarVersion;
  /** `known`: it was extracted already, byte for byte, has failed for good, or is under way. */
  readonly state: 'queued' | 'known';
  /** Of its bytes, where a tar of that path, size and time was extracted before. */
  readonly sha256?: string;
}

/**
 * These tars (absolute paths) as they are now; all of them, or none if something is wrong with one. Throws USAGE for a path that is not
 * below the landing directory or no regular file, TAR_MISSING, TAR_INCOMPLETE, or HOST_FAILING when the landing directory is away.
 */
export async function tarsToIngest(
  settings: Settings,
  paths: readonly string[],
): Promise<readonly TarVersion[]> {
  requirePlace(settings.paths.incoming, settings.paths.data);
  const proofs = createSemaphore(PROOFS_AT_ONCE);
  return Promise.all(
    paths.map(async (path) => {
      using admitted = new DisposableStack();
      admitted.use(await proofs.acquire(1));
      return await versionToIngest(settings, path);
    }),
  );
}

/** {@link tarsToIngest}, then {@link ingestVersions}. Throws what these throw. */
export async function ingestTars(
  app: Pick<IngestDeps, 'settings' | 'ledger' | 'queues'>,
  paths: readonly string[],
): Promise<readonly Ingested[]> {
  return ingestVersions(app, await tarsToIngest(app.settings, paths));
}

/** Queues these tars now, without the quiet period. Throws REDIS_UNREACHABLE. */
export async function ingestVersions(
  app: Pick<IngestDeps, 'settings' | 'ledger' | 'queues'>,
  tars: readonly TarVersion[],
): Promise<readonly Ingested[]> {
  const known = await knownTars(app, tars);
  const ingested: Ingested[] = [];
  for (const tar of tars) {
    const before = known.has(tar.path) ? await app.ledger.tars.get(tar.path) : undefined;
    if (before?.sha256 === undefined || before.size !== tar.size || before.mtimeMs !== tar.mtimeMs) {
      ingested.push({ tar, state: known.has(tar.path) ? 'known' : 'queued' });
      continue;
    }
    // size and time are what a client may set: only its bytes tell that it is the same tar
    const sha256 = await sha256Of(tar.path, app.settings.paths.incoming);
    ingested.push({ tar, state: sha256 === before.sha256 ? 'known' : 'queued', sha256 });
  }
  const open = ingested.filter(({ state }) => state === 'queued').map(({ tar }) => tar);
  await queueTars(app, open);
  return ingested;
}

async function sha256Of(path: string, incoming: string): Promise<string> {
  await using file = await openTar(path, incoming);
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function versionToIngest({ paths, arrival }: Settings, path: string): Promise<TarVersion> {
  const { incoming } = paths;
  if (!isBelow(incoming, path)) {
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
  const proof = await proveComplete(path, undefined, incoming);
  const admitted: readonly Ending[] = admittedEndings(arrival.unterminated);
  if (proof.kind === 'incomplete' && !admitted.includes(proof.ending))
    throw new WavspoolError('TAR_INCOMPLETE', `not complete: ${proof.reason}`);
  return versionAt(path, found);
}
