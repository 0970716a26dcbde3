import type { Report } from '../../domain/events.ts';
import { applyKeep, type Judged } from '../retention/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import {
  listOffsiteMirrors,
  prefixOf,
  type Offsite,
  type OffsiteDeps,
  type OffsiteMirror,
} from './offsite-catalogue.ts';
import { contentKey, entriesFrom } from './offsite-tree.ts';

export interface PruneOffsiteDeps extends OffsiteDeps {
  readonly clock: Clock;
  readonly report: Report;
}

/**
 * As pruning a directory, for the dates in the bucket: each with the reasons why it stays or goes. Of a date that goes the list
 * goes first, then the content that no other date names; what a crash between leaves is content that no date names, which harms
 * nothing. Throws store faults, or MIRROR_FAILED when a list cannot be read: then nothing goes.
 */
export async function pruneOffsiteMirror(
  deps: PruneOffsiteDeps,
  mirror: Offsite,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Judged<OffsiteMirror>[]> {
  const { store, clock, report, timezone } = deps;
  const prefix = prefixOf(mirror) ?? '';
  const there = await listOffsiteMirrors(deps, mirror, signal);
  const judged = applyKeep(there, mirror.offsite?.keep, timezone, clock.now());
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  const lists = (dates: readonly OffsiteMirror[]): Promise<Set<string>> =>
    contentOf(deps, prefix, dates, signal);
  const going = await lists(removed);
  // content that a date names which is not this mirror's stays too
  const staying = await lists(there.filter((one) => !removed.includes(one)));
  for (const { key } of removed) await store.remove(key, signal);
  for (const key of going.difference(staying)) await store.remove(key, signal);
  const kept = judged.length - removed.length;
  report('mirror pruned', {
    mirror: `${mirror.name} (offsite)`,
    kept,
    removed: removed.map(({ name }) => name),
  });
  return judged;
}

async function contentOf(
  { store }: OffsiteDeps,
  prefix: string,
  dates: readonly OffsiteMirror[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const { key, sha256 } of dates) {
    for await (const entry of entriesFrom(await store.get(key, signal), key, sha256))
      if (entry.type === 'file') keys.add(contentKey(prefix, entry.sha256));
  }
  return keys;
}
