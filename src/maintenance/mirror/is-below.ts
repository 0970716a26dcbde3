import { isAbsolute, relative } from 'node:path';

/** True when `path` lies below `directory`; both are real paths. */
export function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}
