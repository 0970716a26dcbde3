import type { CaptureResult } from './capture-pages.ts';
import type { PointInTimeDatabase } from './archive.ts';
import type { BaseRules } from './chain.ts';

// What crosses the border between a process of wavspool and the one that reads a live database's files for it.

/** Reading a live database into its archive. */
export interface Work<T extends 'capture' | 'ship'> {
  readonly task: T;
  readonly database: PointInTimeDatabase;
  readonly rules: BaseRules;
  /** What the asker's clock is ahead of this host's. */
  readonly aheadMs: number;
}

/** What such a process is asked for. */
export type Task =
  | Work<'capture'>
  | Work<'ship'>
  /** Verify the chains that have ended. */
  | {
      readonly task: 'verify ended';
      readonly database: PointInTimeDatabase;
      readonly aheadMs: number;
    }
  /** Make a copy stand alone and check it. */
  | { readonly task: 'finish'; readonly path: string };

/** What a task comes to. */
export interface Outcomes {
  readonly capture: CaptureResult;
  readonly ship: null;
  readonly 'verify ended': null;
  readonly finish: readonly string[];
}

export type Said =
  | { readonly kind: 'report'; readonly event: string; readonly fields: object }
  | { readonly kind: 'done'; readonly result: unknown }
  /** `code` is that of a fault of ours, else undefined. */
  | {
      readonly kind: 'failed';
      readonly code: string | undefined;
      readonly message: string;
      readonly stack: string;
    };

export type Asked = { readonly kind: 'start'; readonly task: Task } | { readonly kind: 'abort' };
