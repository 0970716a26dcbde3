import type { Report } from '../events.ts';
import { applyKeep, type Judged } from '../retention/index.ts';
import type { Clock } from '../runtime/index.ts';
import { latestIn, mirrorsIn, openIfThere, type StoredMirror } from './catalogue.ts';
import { removeMirror } from './remove-mirror.ts';
import type { MirrorSettings } from './settings.ts';

export interface PruneDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
}

/**
 * What `keep` keeps and removes, newest first, each with its reasons; the latter are removed unless `dryRun`. The one that
 * `latest` points to stays. Throws what the system says.
 */
export async function pruneMirror(
  { clock, report, timezone }: PruneDeps,
  { name: mirror, dir, keep }: Pick<MirrorSettings, 'name' | 'dir' | 'keep'>,
  { dryRun }: { dryRun: boolean },
): Promise<readonly Judged<StoredMirror>[]> {
  await using opened = await openIfThere(dir);
  if (opened === undefined) return [];
  const latest = await latestIn(opened);
  const judged = applyKeep(await mirrorsIn(opened, timezone), keep, timezone, clock.now()).map((one) =>
    one.keep || one.item.name !== latest
      ? one
      : { item: one.item, keep: true, reasons: ['"latest" points to it'] },
  );
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  for (const { name } of removed) await removeMirror(opened, name);
  const kept = judged.length - removed.length;
  report('mirror pruned', { mirror, kept, removed: removed.map(({ name }) => name) });
  return judged;
}
