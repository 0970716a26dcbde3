import { WavspoolError } from '../faults.ts';
import { serveOffLoop } from '../runtime/index.ts';
import {
  copyInto,
  copyPinned,
  integrityFaults,
  openCopy,
  openForeign,
  pageSize,
  pin,
} from '../sqlite/index.ts';

export type PutInPlaceJob =
  | { readonly step: 'save'; readonly database: string; readonly to: string }
  | { readonly step: 'overwrite'; readonly database: string; readonly from: string }
  | { readonly step: 'check'; readonly database: string };

/** `damaged`: the present database cannot be read. `other page size`: SQLite cannot overwrite one that has another. */
export type PutInPlaceAnswer = 'done' | 'damaged' | 'other page size';

serveOffLoop(async (job: PutInPlaceJob, signal: AbortSignal): Promise<PutInPlaceAnswer> => {
  try {
    if (job.step === 'check') return check(job.database);
    return job.step === 'save' ? await save(job, signal) : await overwrite(job, signal);
  } catch (error) {
    if (error instanceof WavspoolError && error.code === 'DATABASE_DAMAGED') return 'damaged';
    throw error;
  }
});

async function save(
  { database, to }: { readonly database: string; readonly to: string },
  signal: AbortSignal,
): Promise<'done'> {
  const db = openForeign(database);
  try {
    pin(db);
    await copyPinned(db, to, signal);
    return 'done';
  } finally {
    db.close();
  }
}

async function overwrite(
  { database, from }: { readonly database: string; readonly from: string },
  signal: AbortSignal,
): Promise<PutInPlaceAnswer> {
  const present = openForeign(database);
  const presentSize = pageSize(present);
  present.close();
  const source = openCopy(from);
  try {
    if (pageSize(source) !== presentSize) return 'other page size';
    await copyInto(source, database, signal);
    return 'done';
  } finally {
    source.close();
  }
}

function check(database: string): PutInPlaceAnswer {
  const db = openForeign(database);
  try {
    return integrityFaults(db).length === 0 ? 'done' : 'damaged';
  } finally {
    db.close();
  }
}
