import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { CollapseRange } from './system-programs.ts';
import type { Places } from './places.ts';
import type { RotateOptions } from './due.ts';

/** What a rotation works with. */
export interface RotateDeps {
  readonly clock: Clock;
  readonly report: Report;
  /** Of dates in names (IANA). */
  readonly timezone: string;
  /** Where it is remembered what was archived of each log, and the locks lie: `<paths.data>/logrotate`. */
  readonly directory: string;
  /** How paths are said while a log is rotated; as they stand unless told otherwise. */
  readonly places?: Places;
  /** How the front of a log is cut off. */
  readonly collapse: CollapseRange;
}

/** What one run hands down. */
export interface Run {
  readonly options: RotateOptions;
  readonly signal: AbortSignal;
  /** Is told the archive once it has its name. */
  readonly named: (archive: string) => void;
}
