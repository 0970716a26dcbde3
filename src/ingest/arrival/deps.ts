import type { Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { TarVersion } from '../../domain/tar.ts';
import type { Proof } from './proof.ts';

/** What arrival stands on. */
export interface ArrivalDeps {
  readonly settings: Settings['arrival'];
  /** Absolute path of the landing directory. */
  readonly incoming: string;
  readonly clock: Clock;
  readonly report: Report;
  /** The paths of those versions that need no queueing: extracted, failed for good, or under way. */
  known(batch: readonly TarVersion[]): Promise<ReadonlySet<string>>;
  /** Hands tars to extraction, in this order; safe to repeat. When it rejects, the same tars come again. */
  queue(batch: readonly TarVersion[]): Promise<void>;
  /** How many of them wait there and have not begun. */
  waiting(): Promise<number>;
  /** The paths of those versions that wait there or are being extracted. */
  underWay(batch: readonly TarVersion[]): Promise<ReadonlySet<string>>;
  /** Reads the tar to its end; rejects when it cannot be read. */
  prove(path: string, signal?: AbortSignal): Promise<Proof>;
  /** Why the landing directory is away, as when its disk is not mounted; undefined while it is there. Never rejects. */
  readonly away?: (() => Promise<string | undefined>) | undefined;
  /** Runs after every rescan; returns how many recordings it queued again. */
  readonly afterRescan?: (() => Promise<number>) | undefined;
}
