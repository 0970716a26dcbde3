import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { PinnedPages, WalEnd } from '../../platform/sqlite/index.ts';
import { writeBase, type BaseWriter } from './bases.ts';
import { offerBase } from './make-base.ts';
import { digestOf, endCommit, hashPage, noPages, setPage, type PageHashes } from './page-hashes.ts';
import type { Line } from './ship-commits.ts';
import type { LineEnd } from './state.ts';

/** A state of the live database that is pinned, and what the archive ended with when it was. */
export interface PinnedState {
  readonly pinned: PinnedPages;
  readonly at: number;
  readonly reason: string;
  /** Where it ends in the log. */
  readonly left: WalEnd;
  /** The archive's last state; undefined when there is none that records could follow. */
  readonly end: (LineEnd & Pick<Line, 'base' | 'recordBytes'>) | undefined;
  /** Whether it was said already that commits were missed. */
  readonly alarmed: boolean;
  /** The archive's last position. */
  readonly position: number;
}

/**
 * Makes a base of a pinned state, and the line that goes on from it. When the archive ends with exactly this state, the line
 * goes on without a break, and without a new base if it ends with one; else, with an alarm, the base begins a new line.
 * Throws DATABASE_DAMAGED when the copy is not sound and no line is there to go on with.
 */
export async function takeBase(
  deps: { readonly clock: Clock; readonly report: Report },
  database: string,
  directory: string,
  state: PinnedState,
  signal: AbortSignal,
): Promise<{ readonly line: Line; readonly made: boolean }> {
  const { pinned, end, left, at, reason } = state;
  const image = await writeBase(directory);
  try {
    const hashes = await copyPages(pinned, image.write, signal);
    const digest = digestOf(hashes);
    const known = end?.digest === digest ? end : undefined;
    if (known !== undefined && known.base.position === known.position) {
      return { line: { ...known, hashes, left }, made: false };
    }
    if (end !== undefined && known === undefined && !state.alarmed) {
      const why = 'the database is in another state than the last one that was captured';
      deps.report('points in time interrupted', { database, reason: why });
    }
    const { pageSize, pageCount, journalMode } = pinned;
    const facts = {
      database,
      at,
      reason,
      pageSize,
      pageCount,
      journalMode,
      digest,
      link: known?.link,
      continues: known !== undefined,
      position: known?.position ?? state.position + 1,
      ...(left.position === undefined ? {} : { wal: left.position }),
    };
    const base = await offerBase(deps, directory, await image.finish(), facts, signal);
    if (base !== undefined) {
      const { position, link } = base;
      return { line: { position, link, left, hashes, base, recordBytes: 0 }, made: true };
    }
    if (known === undefined)
      throw new WavspoolError('SNAPSHOT_BAD', `${directory}: no base, and no line without`);
    return { line: { ...known, hashes, left }, made: false };
  } finally {
    await image.discard();
  }
}

async function copyPages(
  pinned: PinnedPages,
  write: BaseWriter['write'],
  signal: AbortSignal,
): Promise<PageHashes> {
  const hashes = noPages();
  let page = 0;
  for await (const lot of pinned.pages(signal)) {
    for (const numbered of lot) setPage(hashes, (page += 1), hashPage(numbered));
    await write(lot.map((numbered) => numbered.subarray(4)));
  }
  endCommit(hashes, page, pinned.pageCount, pinned.pageSize);
  return hashes;
}
