import { dirname } from 'node:path';
import { errnoOf, faultCode, messageOf } from '../../domain/faults.ts';
import { runJob } from '../../platform/jobs/index.ts';
import { noteDamage, type CopyRecord } from '../record/index.ts';
import type { Verdict } from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';

/** A copy that was read. */
interface ReadCopy {
  readonly path: string;
  readonly record?: CopyRecord | undefined;
}

/** So long a run of the same database or mirror is waited for, which may be giving the copies other names. */
const PATIENCE_MS = 10_000;
/** Who may read copies may not always write beside them. */
const NOT_WRITABLE = new Set(['EROFS', 'EACCES', 'EPERM']);

/**
 * Notes in a copy's record what a reading of it found, so that lists say it and retention counts on no bad one. `lock` is that of
 * the jobs that make such copies. Returns the verdict, with the reason where it could not be noted.
 */
export async function noteVerdict(
  maintenance: Maintenance,
  { path, record }: ReadCopy,
  lock: string,
  verdict: Verdict,
  signal: AbortSignal,
): Promise<Verdict> {
  const said = verdict.ok ? undefined : (verdict.reason ?? 'it is not what it was');
  if (record === undefined || record.damage?.said === said) return verdict;
  const damage = said === undefined ? undefined : { at: maintenance.clock.now(), said };
  let unnoted: string | undefined;
  const note = async (): Promise<object> => {
    try {
      await noteDamage(dirname(path), record, damage);
    } catch (error) {
      if (!NOT_WRITABLE.has(errnoOf(error) ?? '')) throw error;
      unnoted = messageOf(error);
    }
    return {};
  };
  try {
    const job = { id: `note ${path}`, lock, isNews: () => false, run: note };
    await runJob(maintenance, job, { by: 'hand', patienceMs: PATIENCE_MS }, signal);
  } catch (error) {
    if (faultCode(error) !== 'JOB_RUNNING') throw error;
    unnoted = messageOf(error);
  }
  if (unnoted === undefined) return verdict;
  const why = `its record could not be told: ${unnoted}`;
  return { ...verdict, reason: verdict.reason === undefined ? why : `${verdict.reason}; ${why}` };
}
