import type { IngestDeps } from '../deps.ts';

const COUNT_AGAIN_MS = 2000;

/** Keeps extraction from running ahead of the uploads. */
export interface BacklogGuard {
  /** Why no tar may be extracted now: the uploads are too far behind. */
  readonly reasonToWait: () => Promise<string | undefined>;
  /** About how many recordings wait for their upload. */
  readonly waiting: () => number;
  /** Recordings of so many bytes each have been added to what waits. */
  readonly added: (sizes: readonly number[]) => void;
}

/** Asked for every tar; it counts every 2 s, and in between adds what this process has extracted since. */
export function backlogGuard({
  ledger,
  settings,
  clock,
}: Pick<IngestDeps, 'ledger' | 'settings' | 'clock'>): BacklogGuard {
  const { maxBacklog } = settings.extract;
  let backlog = { recordings: 0, bytes: 0 };
  let countedAtMs = -Infinity;
  return {
    reasonToWait: async () => {
      if (clock.monotonicMs() - countedAtMs > COUNT_AGAIN_MS) {
        backlog = { ...(await ledger.recordings.backlog()) };
        countedAtMs = clock.monotonicMs();
      }
      const { recordings, bytes } = backlog;
      if (recordings > maxBacklog.recordings)
        return `${recordings} recordings wait for their upload, extract.maxBacklog.recordings is ${maxBacklog.recordings}`;
      if (bytes > maxBacklog.bytes)
        return `${bytes} bytes wait for their upload, extract.maxBacklog.bytes is ${maxBacklog.bytes}`;
      return undefined;
    },
    waiting: () => backlog.recordings,
    added: (sizes) => {
      backlog.recordings += sizes.length;
      backlog.bytes += sizes.reduce((sum, size) => sum + size, 0);
    },
  };
}
