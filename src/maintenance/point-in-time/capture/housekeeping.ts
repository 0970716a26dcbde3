import type { Report } from '../../../domain/events.ts';
import { type SegmentName, segmentFile } from '../archive/names.ts';
import { noteChecked } from '../archive/last-state.ts';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { growFile } from '../../../platform/runtime/index.ts';
import { FILE_MODE, removeFiles } from '../archive/archive.ts';

const NOTE_MS = 5000;
const MERGE_MS = 60_000;
const MERGE_FILES = 300;
const SUMMARY_MS = 60_000;

/** What a capture does beside shipping: few files instead of many, a note of how far it is, a summary in the log. */
export interface Housekeeping {
  readonly wrote: (segment: SegmentName, bytes: number) => void;
  /** The next files must not be put together with those before: a full backup lies between. */
  readonly cut: (small: readonly SegmentName[]) => void;
  /** What is due at `monotonicMs`; all commits up to `position` were captured at `now`. */
  readonly run: (monotonicMs: number, now: number, position: number) => Promise<void>;
  readonly summarize: () => void;
}

export function createHousekeeping(
  report: Report,
  database: string,
  directory: string,
  longestLockMs: () => number,
): Housekeeping {
  const due = { note: 0, merge: 0, summary: 0 };
  let shipped = { commits: 0, bytes: 0 };
  let small: SegmentName[] = [];

  const summarize = (): void => {
    const longest = longestLockMs();
    if (shipped.commits > 0) report('commits captured', { database, ...shipped, longestLockMs: longest });
    shipped = { commits: 0, bytes: 0 };
  };
  return {
    summarize,
    wrote: (segment, bytes) => {
      if ((small.at(-1)?.to ?? 0) > segment.from) small = []; // the clock was set back: a file's times must ascend
      small.push(segment);
      shipped = { commits: shipped.commits + segment.points, bytes: shipped.bytes + bytes };
    },
    cut: (files) => (small = [...files]),
    run: async (monotonicMs, now, position) => {
      if (monotonicMs >= due.note) {
        await noteChecked(directory, now, position);
        due.note = monotonicMs + NOTE_MS;
      }
      if (small.length >= MERGE_FILES || monotonicMs >= due.merge) {
        if (small.length > 1) await mergeSegments(directory, small);
        small = [];
        due.merge = monotonicMs + MERGE_MS;
      }
      if (monotonicMs >= due.summary) {
        summarize();
        due.summary = monotonicMs + SUMMARY_MS;
      }
    },
  };
}

const COPY_BYTES = 4 * 1024 * 1024;

/** The name of the file that holds the records of all of these, which follow each other. */
function mergedName(segments: readonly SegmentName[]): SegmentName {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing to merge');
  const points = segments.reduce((sum, segment) => sum + segment.points, 0);
  return { first: first.first, last: last.last, from: first.from, to: last.to, points };
}

/**
 * Puts the records of many small files into one, byte for byte, and removes the small ones. A crash in between leaves both;
 * the next start of the capture removes the small ones.
 */
export async function mergeSegments(
  directory: string,
  segments: readonly SegmentName[],
): Promise<SegmentName> {
  const merged = mergedName(segments);
  const file = await growFile(directory, FILE_MODE);
  try {
    for (const segment of segments) {
      const source = await open(join(directory, segmentFile(segment)), 'r');
      try {
        for await (const chunk of source.createReadStream({ highWaterMark: COPY_BYTES, autoClose: false })) {
          await file.write(chunk as Uint8Array);
        }
      } finally {
        await source.close();
      }
    }
    await file.publish(join(directory, segmentFile(merged)));
  } finally {
    await file.discard();
  }
  await removeFiles(directory, segments.map(segmentFile));
  return merged;
}
