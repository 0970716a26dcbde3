import type { InStep } from './in-step.ts';
import type { ManifestLine } from './manifest.ts';
import { MANIFEST } from './names.ts';
import { walk, type BytePath, type Walked } from './walk.ts';

/** What has a line in a manifest: a file or a symlink. */
export interface Entry extends Walked {
  /** Its line in the manifest that was read in step. */
  readonly line: ManifestLine | undefined;
}

/** Every file and symlink below `root`, the manifest itself aside, each with its line. */
export async function* entriesOf(root: BytePath, lines: InStep): AsyncGenerator<Entry> {
  for await (const { path, stats } of walk(root)) {
    if (path === MANIFEST || !(stats.isFile() || stats.isSymbolicLink())) continue;
    yield { path, stats, line: await lines.lineOf(path) };
  }
}
