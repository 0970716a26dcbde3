import { join } from 'node:path';
import type { Report } from '../../domain/events.ts';
import { unlessGone } from '../../domain/faults.ts';
import { sweepTemporaries, type Clock } from '../../platform/runtime/index.ts';

/** Where processes of a host write their notes, below its data directory; what lies deeper is swept by the one who works there. */
const NOTES = ['', 'places', 'roles'];

/** Removes what processes that were killed left of their notes (P3). Safe while others write theirs. */
export async function sweepNotes(
  dataDirectory: string,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): Promise<void> {
  for (const name of NOTES) {
    const directory = join(dataDirectory, name);
    const files =
      (await sweepTemporaries(directory, clock.now(), { recursive: false }).catch(unlessGone)) ?? 0;
    if (files > 0) report('temporary files swept', { directory, files });
  }
}
