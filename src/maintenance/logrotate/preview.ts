import { delayedPaths, planArchive } from './archive-plan.ts';
import type { RotateDeps } from './deps.ts';
import type { RotateOptions } from './due.ts';
import { lookAt } from './look-at.ts';
import type { LogEntry } from './options.ts';
import type { RotationResult } from './result.ts';
import { readLogState } from './state-file.ts';
import { whenTaken } from './when-taken.ts';

/** What a rotation would do now; it changes nothing and waits for nobody. Throws as a rotation would. */
export async function previewRotation(
  deps: RotateDeps,
  entry: LogEntry,
  log: string,
  options: RotateOptions,
): Promise<RotationResult> {
  const { clock, timezone } = deps;
  const { head, last } = await readLogState(deps, log);
  const look = await lookAt(entry, log, options, head);
  if (look.kind === 'skipped') return look.result;
  const when = { now: clock.now(), timezone };
  const delayed = await delayedPaths(entry, log, when);
  const plan = await planArchive(entry, log, when, delayed);
  if (plan.kind === 'taken') return whenTaken(log, plan.by, last, options, when.now);
  const { archive, aged, shifts, removes } = plan;
  const bytes = look.facts.size - look.facts.archived;
  const compressed = delayed.map((path) => ({ from: path, to: `${path}.gz` }));
  const stored = entry.compress && !entry.delaycompress ? `${archive}.gz` : archive;
  return {
    log,
    outcome: 'due',
    archive: entry.rotate === 0 ? null : stored,
    bytes,
    renames: [...compressed, ...shifts],
    removed: [...aged, ...removes],
  };
}
