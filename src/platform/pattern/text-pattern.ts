import { compilePattern, type Fits } from './compile-pattern.ts';
import { globSource } from './glob-source.ts';

/**
 * Whether a text fits a pattern: `text:PART` has that part in it, `glob:PATTERN` fits as a whole, anything else is RE2 syntax and
 * fits somewhere. Throws USAGE.
 */
export function textPattern(pattern: string): Fits {
  if (pattern.startsWith('text:')) {
    const part = pattern.slice('text:'.length);
    return (text) => text.includes(part);
  }
  if (pattern.startsWith('glob:'))
    return compilePattern(pattern, `^${globSource(pattern.slice('glob:'.length))}$`);
  return compilePattern(pattern, pattern);
}
