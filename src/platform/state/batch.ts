import type { UploadUnit } from '../../domain/recording.ts';
import type { OpenRecord } from './rows.ts';

// One commit gives the recordings of a tar that are new consecutive rowids, and batches numbers that none of its rows had. So the
// rows of a batch follow each other; a caller that asks for units need not know.

/** Whether two recordings share an upload job. */
function isSameBatch(a: OpenRecord, b: OpenRecord): boolean {
  return a.batch !== null && a.batch === b.batch && a.tar === b.tar && a.tar_mtime_ms === b.tar_mtime_ms;
}

/** A full page may end in the middle of a batch; then all of that batch is left to the next page. Empty where it is all there is. */
export function wholeBatches(page: readonly OpenRecord[], limit: number): readonly OpenRecord[] {
  const last = page.at(-1);
  if (page.length < limit || last === undefined) return page;
  const whole = page.slice(0, page.findLastIndex((row) => !isSameBatch(row, last)) + 1);
  return last.batch === null ? page : whole;
}

/** The jobs of recordings that stand in the order of their rows. */
export function unitsOf(rows: readonly OpenRecord[]): readonly UploadUnit[] {
  const units: [OpenRecord, ...OpenRecord[]][] = [];
  for (const row of rows) {
    const last = units.at(-1);
    if (last !== undefined && isSameBatch(last[0], row)) last.push(row);
    else units.push([row]);
  }
  return units.map(unit);
}

function unit(rows: readonly [OpenRecord, ...OpenRecord[]]): UploadUnit {
  const [first, ...others] = rows;
  return {
    paths: [first.wav_path, ...others.map(({ wav_path }) => wav_path)],
    batch: first.batch === null || first.tar === null ? undefined : { tar: first.tar, number: first.batch },
    tarMtimeMs: first.tar_mtime_ms ?? undefined,
    sizes: rows.map(({ size }) => size ?? 0),
  };
}
