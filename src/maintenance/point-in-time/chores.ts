import type { Report } from '../../domain/events.ts';
import { mergeSegments } from './merge.ts';
import type { SegmentName } from './names.ts';
import { noteChecked } from './state.ts';

const NOTE_MS = 5000;
const MERGE_MS = 60_000;
const MERGE_FILES = 300;
const SUMMARY_MS = 60_000;

/** What a shipper does beside shipping: few files instead of many, a note of how far it is, a summary in the log. */
export interface Chores {
  readonly wrote: (segment: SegmentName, bytes: number) => void;
  /** The next files must not be put together with those before: a base lies between. */
  readonly cut: (small: readonly SegmentName[]) => void;
  /** What is due at `monotonicMs`; all commits up to `position` were captured at `now`. */
  readonly run: (monotonicMs: number, now: number, position: number) => Promise<void>;
  readonly summarize: () => void;
}

export function createChores(
  report: Report,
  database: string,
  directory: string,
  longestLockMs: () => number,
): Chores {
  const due = { note: 0, merge: 0, summary: 0 };
  let shipped = { commits: 0, bytes: 0 };
  let small: SegmentName[] = [];

  const summarize = (): void => {
    const longest = longestLockMs();
    if (shipped.commits > 0) report('commits shipped', { database, ...shipped, longestLockMs: longest });
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
