import type { ManifestLine } from './manifest.ts';
import { comparePaths, type BytePath } from './walk.ts';

/** Reads a manifest in step with a walk over files, so that neither is ever held as a whole. */
export interface InStep {
  /** The line of `path`, which comes after every path asked for before. Lines passed over on the way go to `passed`. */
  lineOf(path: BytePath): Promise<ManifestLine | undefined>;
  /** Passes over what is left. */
  finish(): Promise<void>;
  /** Stops reading. */
  close(): Promise<void>;
}

/** Begins to read `lines`, which come in the order of a walk. */
export function inStep(
  lines: AsyncGenerator<ManifestLine> | undefined,
  passed: (line: ManifestLine) => void = () => undefined,
): InStep {
  let next: ManifestLine | undefined;
  let done = lines === undefined;
  const peek = async (): Promise<ManifestLine | undefined> => {
    if (next === undefined && !done && lines !== undefined) {
      const result = await lines.next();
      if (result.done === true) done = true;
      else next = result.value;
    }
    return next;
  };
  return {
    lineOf: async (path) => {
      for (;;) {
        const line = await peek();
        const order = line === undefined ? 1 : comparePaths(line.path, path);
        if (line === undefined || order > 0) return undefined;
        next = undefined;
        if (order === 0) return line;
        passed(line);
      }
    },
    finish: async () => {
      for (let line = await peek(); line !== undefined; line = await peek()) {
        passed(line);
        next = undefined;
      }
    },
    close: async () => {
      await lines?.return(undefined);
    },
  };
}
