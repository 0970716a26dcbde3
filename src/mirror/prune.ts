import type { Settings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { applyKeep, type Judged } from '../retention/index.ts';
import type { Clock } from '../runtime/index.ts';
import { latestOf, listMirrors, type StoredMirror } from './catalogue.ts';
import { removeMirror } from './remove-tree.ts';

/** An entry of the settings' `mirrors`. */
export type MirrorSettings = Settings['mirrors'][number];

export interface PruneDeps {
  readonly report: Report;
  readonly timezone: string;
  readonly clock: Clock;
}

/**
 * What `keep` keeps and removes, newest first, each with its reasons; the latter are removed unless `dryRun`. The one that
 * `latest` points to stays. Throws what the system says.
 */
export async function pruneMirror(
  { report, timezone, clock }: PruneDeps,
  { name: mirror, dir, keep }: Pick<MirrorSettings, 'name' | 'dir' | 'keep'>,
  { dryRun }: { dryRun: boolean },
): Promise<readonly Judged<StoredMirror>[]> {
  const latest = await latestOf(dir);
  const judged = applyKeep(await listMirrors({ dir }, timezone), keep, timezone, clock.now()).map((one) =>
    one.keep || one.item.name !== latest
      ? one
      : { item: one.item, keep: true, reasons: ['"latest" points to it'] },
  );
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  for (const { path } of removed) await removeMirror(path);
  const kept = judged.length - removed.length;
  report('mirror pruned', { mirror, kept, removed: removed.map(({ name }) => name) });
  return judged;
}
