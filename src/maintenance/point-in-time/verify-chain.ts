import { temporaryPath, type Clock } from '../../platform/runtime/index.ts';
import { messageOf, WavspoolError } from '../../domain/faults.ts';
import { markVerified } from './archive.ts';
import type { Chain } from './chain.ts';
import { removeCopy } from './make-base.ts';
import { readRecords } from './read-records.ts';
import { endOf, rebuild } from './rebuild.ts';

/** Opens a copy, makes it stand alone and says what `integrity_check` finds; may run it in another process. */
export type Finish = (path: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Restores a chain to its end in a temporary file, checks that, notes that it was verified, and returns what is wrong: no
 * fault means that every file of the chain is sound. Throws only what says nothing about the chain: DISK_FULL, an abort.
 */
export async function verifyChain(
  directory: string,
  chain: Chain,
  deps: { readonly clock: Clock; readonly finish: Finish },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const faults = chain.missing.map(
    ({ first, last }) => `the records ${first} to ${last} are missing in ${directory}`,
  );
  const copy = temporaryPath(directory);
  try {
    const { position, at } = await rebuild(directory, chain, endOf(chain), copy, signal);
    faults.push(...(await deps.finish(copy, signal)).map((line) => `integrity_check: ${line}`));
    if (faults.length > 0) return [...faults, ...(await damagedFiles(directory, chain, signal))];
    await markVerified(directory, chain.base, {
      position: chain.base.position,
      through: { position, at },
      at: deps.clock.now(),
    });
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WavspoolError) || error.code === 'DISK_FULL') throw error;
    return [...new Set([...faults, messageOf(error), ...(await damagedFiles(directory, chain, signal))])];
  } finally {
    await removeCopy(copy);
  }
}

/** What is wrong with any of a chain's records: restoring stops at the first fault, and none of the others may hide behind it. */
async function damagedFiles(
  directory: string,
  { segments }: Chain,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const segment of segments) {
    signal.throwIfAborted();
    try {
      for await (const record of readRecords(directory, segment)) await record.content();
    } catch (error) {
      faults.push(messageOf(error));
    }
  }
  return faults;
}
