import type { Settings } from './schema.ts';
import type { Path } from './tree.ts';

/** A rule that several settings break together; `path` is the one to change. */
export interface BrokenRule {
  readonly path: Path;
  readonly problem: string;
}

/** The sections in which nothing is wrong. */
export type Sound = { readonly [Section in keyof Settings]?: Settings[Section] | undefined };
