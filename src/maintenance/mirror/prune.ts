import type { Report } from '../../domain/events.ts';
import { openBelow, type Directory } from '../../platform/linux/index.ts';
import { removeRecord, type CopyRecord } from '../record/index.ts';
import { applyKeep, type Judged } from '../retention/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import {
  latestIn,
  mirrorsIn,
  openIfThere,
  type CatalogueDeps,
  type Listed,
  type StoredMirror,
} from './catalogue.ts';
import { hashOfManifest } from './manifest.ts';
import { ownerOf } from './owner.ts';
import { removeMirror } from './remove-mirror.ts';
import type { MirrorSettings } from './settings.ts';

export interface PruneDeps extends CatalogueDeps {
  readonly clock: Clock;
  readonly report: Report;
}

/**
 * What `keep` keeps and removes, newest first, each with its reasons; the latter are removed unless `dryRun`. Only what a record
 * gives to this very mirror can go, and only while it is what the record says (P12); the one that `latest` points to stays.
 * Throws what the system says.
 */
export async function pruneMirror(
  { clock, report, timezone, origin }: PruneDeps,
  mirror: Listed & Pick<MirrorSettings, 'keep'>,
  { dryRun }: { dryRun: boolean },
): Promise<readonly Judged<StoredMirror>[]> {
  await using dir = await openIfThere(mirror.dir);
  if (dir === undefined) return [];
  const latest = await latestIn(dir);
  const all = await mirrorsIn(dir, await ownerOf(mirror, origin), timezone);
  const judged: Judged<StoredMirror>[] = [];
  for (const one of applyKeep(all, mirror.keep, timezone, clock.now())) {
    const reason = one.keep ? undefined : await whyKept(dir, one.item, latest);
    judged.push(reason === undefined ? one : { item: one.item, keep: true, reasons: [reason] });
  }
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  for (const { name } of removed) {
    await removeMirror(dir, name);
    await removeRecord(dir, name);
  }
  const kept = judged.length - removed.length;
  report('mirror pruned', { mirror: mirror.name, kept, removed: removed.map(({ name }) => name) });
  return judged;
}

/** Why one that the rules let go stays all the same. */
async function whyKept(
  dir: Directory,
  { name, record, foreign }: StoredMirror,
  latest: string | undefined,
): Promise<string | undefined> {
  if (name === latest) return '"latest" points to it';
  if (record === undefined || foreign !== undefined) return foreign ?? 'no record says what made it';
  return (await isWhatItWas(dir, name, record))
    ? undefined
    : 'its manifest is not the one that its record speaks of: look at it';
}

async function isWhatItWas(dir: Directory, name: string, { sha256 }: CopyRecord): Promise<boolean> {
  await using tree = await openBelow(dir, name);
  return (await hashOfManifest(tree)) === sha256;
}
