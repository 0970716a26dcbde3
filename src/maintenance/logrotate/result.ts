import type { FaultCode } from '../../domain/faults.ts';
import type { Way } from './state-file.ts';

interface OfLog {
  /** The log's path; of a pattern that matches nothing, the pattern. */
  readonly log: string;
}

/** How one log's rotation ended. */
export type RotationResult =
  | (OfLog & {
      readonly outcome: 'rotated';
      /** The new archive; null with `rotate: 0`, which keeps none. */
      readonly archive: string | null;
      readonly way: Way;
      /** Between the last look for more lines and the truncated log: what was appended then is lost. 0 for a collapse. */
      readonly windowUs: number;
      /** Why it was not collapsed, where that was wanted. */
      readonly why: string | null;
      /** Archived, before compression. */
      readonly bytes: number;
      /** Archived lines that still stand at the beginning of the log: less than one block of its file system. */
      readonly linesInFront: number;
      readonly removed: readonly string[];
      /** It only ended what a crash had cut off. */
      readonly finished: boolean;
    })
  | (OfLog & { readonly outcome: 'skipped'; readonly reason: string })
  | (OfLog & {
      readonly outcome: 'failed';
      readonly code: FaultCode;
      readonly error: unknown;
      /** There when the archive is, and what failed came after it. */
      readonly archive: string | null;
    })
  /** With `dryRun`. */
  | (OfLog & {
      readonly outcome: 'due';
      readonly archive: string | null;
      readonly bytes: number;
      readonly renames: readonly { readonly from: string; readonly to: string }[];
      readonly removed: readonly string[];
    });
