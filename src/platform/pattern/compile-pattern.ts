import { RE2JS } from 're2js';
import { WavspoolError, messageOf } from '../../domain/faults.ts';

export type Fits = (text: string) => boolean;

/** Longer ones take a while to be read, let alone matched. */
const MOST_CHARACTERS = 256;
/** Steps per character at the worst. */
const MOST_STEPS = 2000;

/**
 * A pattern for the linear-time engine: a backtracking one lets every client that may search hold up the process for minutes. `source` is
 * its RE2 syntax. Throws USAGE with the pattern as it was written.
 */
export function compilePattern(pattern: string, source: string): Fits {
  if (pattern.length > MOST_CHARACTERS)
    throw refused(pattern, `it has ${pattern.length} characters, at most ${MOST_CHARACTERS} are taken`);
  const compiled = compile(pattern, source);
  if (compiled.programSize() > MOST_STEPS) throw refused(pattern, 'its repetitions are too large');
  return (text) => compiled.test(text);
}

function compile(pattern: string, source: string): RE2JS {
  try {
    return RE2JS.compile(source, RE2JS.DOTALL);
  } catch (error) {
    throw refused(pattern, messageOf(error), error);
  }
}

function refused(pattern: string, why: string, cause?: unknown): WavspoolError {
  const shown = JSON.stringify(pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern);
  const message = `${shown} cannot be matched (${why}): write RE2 syntax, text:PART or glob:PATTERN`;
  return new WavspoolError('USAGE', message, { cause });
}
