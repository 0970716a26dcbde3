import type { LogEntry } from './names.ts';

/** What is looked at before a log is rotated. */
export interface LogFacts {
  readonly kind: 'log' | 'symbolic link' | 'directory' | 'something else';
  readonly links: number;
  /** Bytes that no archive holds yet. */
  readonly freshBytes: number;
}

export interface RotateOptions {
  /** logrotate's `--force`: `minsize` does not count. */
  readonly force?: boolean;
  /** Say what would be done, and do nothing. */
  readonly dryRun?: boolean;
  /** Rotate only what has grown beyond its `maxsize`: for looks between the runs of `cron`. */
  readonly only?: 'maxsize';
}

export type Due =
  | { readonly kind: 'rotate' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly problem: string };

/** Whether a log that is there is rotated now, and if not, why; in the order in which logrotate asks. `cron` is the interval. */
export function due(entry: LogEntry, { force, only }: RotateOptions, facts: LogFacts): Due {
  const unfit = unfitness(facts);
  if (unfit !== undefined) return unfit;
  const { freshBytes } = facts;
  const tooLarge = exceedsMaxsize(entry, freshBytes);
  if (only === 'maxsize' && !tooLarge) return skip('it is not above maxsize');
  if (force !== true && !tooLarge && entry.minsize !== undefined && freshBytes < entry.minsize)
    return skip('it is below minsize');
  if (entry.notifempty && freshBytes === 0) return skip('it is empty');
  return { kind: 'rotate' };
}

/** What keeps a file from being rotated, whatever has been written to it. */
function unfitness({ kind, links }: LogFacts): Due | undefined {
  if (kind === 'symbolic link') return skip('it is a symbolic link');
  if (kind === 'directory') return skip('it is a directory');
  if (kind !== 'log') return { kind: 'refuse', problem: 'it is no regular file' };
  return links === 1 ? undefined : skip(`it has ${links} hard links`);
}

/** Whether a log with so many bytes that no archive holds is rotated before its interval has passed. */
export function exceedsMaxsize({ maxsize }: Pick<LogEntry, 'maxsize'>, freshBytes: number): boolean {
  // logrotate takes 0 as none
  return maxsize !== undefined && maxsize > 0 && freshBytes > maxsize;
}

function skip(reason: string): Due {
  return { kind: 'skip', reason };
}
