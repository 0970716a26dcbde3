import { compilePattern, type Fits } from './compile-pattern.ts';
import { globSource } from './glob-source.ts';

/**
 * Whether a tar's absolute path fits a glob. One without a `/` is compared with the tar's name in whatever directory, so `*` is
 * every tar; one with a `/` with its path below `incoming`, or the whole path when it begins with a `/`. There `*` stays within a
 * directory and `**` does not. Throws USAGE.
 */
export function tarPattern(incoming: string, glob: string): Fits {
  const source = globSource(glob);
  if (!glob.includes('/')) return compilePattern(glob, `(?:^|/)${source}$`);
  if (glob.startsWith('/')) return compilePattern(glob, `^${source}$`);
  const fits = compilePattern(glob, `^${source}$`);
  const below = `${incoming.replace(/\/+$/, '')}/`;
  return (path) => path.startsWith(below) && fits(path.slice(below.length));
}

/** True when a glob has nothing in it that stands for something else: it means that one tar. */
export function isLiteral(glob: string): boolean {
  return !/[*?[\]{}\\]/.test(glob);
}
