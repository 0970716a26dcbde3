import type { Directory } from '../../platform/linux/index.ts';
import type { InStep } from './in-step.ts';
import type { ManifestLine } from './manifest.ts';
import { MANIFEST } from './names.ts';
import { walk, type Walked } from './walk.ts';

/** What has a line in a manifest: a file or a symlink. */
export interface Entry extends Walked {
  /** Its line in the manifest that was read in step. */
  readonly line: ManifestLine | undefined;
}

/** Every file and symlink below `root`, the manifest itself aside, each with its line and what lies beside it in the other tree. */
export async function* entriesOf(root: Directory, lines: InStep, beside?: Directory): AsyncGenerator<Entry> {
  for await (const walked of walk(root, beside)) {
    const { path, stats } = walked;
    if (path === MANIFEST || !(stats.isFile() || stats.isSymbolicLink())) continue;
    yield { ...walked, line: await lines.lineOf(path) };
  }
}
