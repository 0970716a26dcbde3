import type { Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { TarLedger } from '../../domain/ledger.ts';
import type { TakenRecordings } from '../../domain/tar.ts';
import type { AskStore } from './publish.ts';
import type { SyncFileSystem } from '../../platform/linux/index.ts';
import type { TimeSlices } from './time-slices.ts';

/** What the extraction of a tar stands on. */
export interface ExtractDeps {
  readonly tars: Pick<TarLedger, 'get' | 'occupants' | 'commit'>;
  readonly limits: Settings['extract'];
  readonly unterminated: Settings['arrival']['unterminated'];
  readonly incoming: string;
  readonly extracted: string;
  readonly clock: Clock;
  readonly report: Report;
  /** Shared with what else extracts in this process, if anything does. */
  readonly turns?: TimeSlices;
  /** A new program for each sync unless there is something that stays. */
  readonly syncFileSystem?: SyncFileSystem;
  /** For legacy rows; without it, such a row's object counts as not there. */
  readonly askStore?: AskStore;
  /** What tars that did not fit have been seen to need, in bytes, by their path: they are not begun again before there is room. */
  readonly needs?: Map<string, number>;
  /** Why nothing may be written below `extracted`, or read below `incoming`, now: asked before anything gets a name there. */
  readonly away?: () => Promise<string | undefined>;
  /** How many recordings of a tar share an upload job; each has its own unless told otherwise. */
  readonly batchSize?: (taken: TakenRecordings) => number;
}

/** What the site's settings and its ledger make of them; what the tars of one process share comes beside it. */
export function extractDeps({
  settings,
  ledger,
  clock,
  report,
}: {
  readonly settings: Pick<Settings, 'extract' | 'arrival' | 'paths'>;
  readonly ledger: Pick<ExtractDeps, 'tars'>;
  readonly clock: Clock;
  readonly report: Report;
}): ExtractDeps {
  const { incoming, extracted } = settings.paths;
  return {
    tars: ledger.tars,
    limits: settings.extract,
    unterminated: settings.arrival.unterminated,
    incoming,
    extracted,
    clock,
    report,
  };
}
