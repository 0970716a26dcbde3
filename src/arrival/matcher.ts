import picomatch from 'picomatch';
import type { Settings } from '../config/index.ts';

/** Says of a path relative to the landing directory (`/`-separated) whether it is a tar under its final name. */
export function tarMatcher(
  settings: Pick<Settings['arrival'], 'patterns' | 'temporary'>,
): (relativePath: string) => boolean {
  const isTar = picomatch([...settings.patterns], { dot: true });
  // picomatch takes an empty list for a pattern that matches nothing, which is what no temporary names means
  const isTemporary = picomatch([...settings.temporary], { dot: true });
  return (relativePath) => isTar(relativePath) && !isTemporary(relativePath);
}
