import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isNativeError } from 'node:util/types';
import type { Environment } from './environment.ts';

/** A place where the settings file may be. */
export interface Candidate {
  /** Absolute. */
  readonly path: string;
  /** What names it, for messages. A file that is named must be there. */
  readonly namedBy?: string;
}

export type FileResult =
  | { readonly kind: 'read'; readonly path: string; readonly text: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable'; readonly path: string; readonly problem: string; readonly cause?: unknown };

const MAX_BYTES = 1024 * 1024;

/** Where to look for the settings file, in order; a file that was named is the only place. */
export function settingsCandidates(
  configFile: string | undefined,
  env: Environment,
  cwd: string,
): Candidate[] {
  if (configFile === '') return [{ path: '', namedBy: '--config' }]; // an empty variable in a script; no directory is meant
  if (configFile !== undefined) return [{ path: resolve(cwd, configFile), namedBy: '--config' }];
  const fromEnv = env['WAVSPOOL_CONFIG'] ?? '';
  if (fromEnv !== '') return [{ path: resolve(cwd, fromEnv), namedBy: 'WAVSPOOL_CONFIG' }];
  return [{ path: resolve(cwd, 'wavspool.yaml') }, { path: '/etc/wavspool/wavspool.yaml' }];
}

/**
 * The text of the first candidate that is there. One that is there and cannot be read ends the search: another file, or
 * the defaults, would be settings that the operator did not ask for. Never throws.
 */
export function readFirst(candidates: readonly Candidate[]): FileResult {
  for (const { path, namedBy } of candidates) {
    if (path === '')
      return { kind: 'unusable', path: '--config', problem: 'the name of the settings file is empty' };
    try {
      const text = readText(path);
      return typeof text === 'string' ? { kind: 'read', path, text } : { kind: 'unusable', path, ...text };
    } catch (error) {
      const code = isNativeError(error) && 'code' in error ? String(error.code) : 'unknown error';
      const absent = code === 'ENOENT' || code === 'ENOTDIR';
      if (absent && namedBy === undefined) continue;
      const problem = absent ? `there is no such file, and ${namedBy} names it` : unreadable(code);
      return { kind: 'unusable', path, problem, cause: error };
    }
  }
  return { kind: 'none' };
}

function readText(path: string): string | { readonly problem: string } {
  const status = statSync(path);
  if (status.isDirectory()) return { problem: 'this is a directory, not a settings file' };
  // a pipe can be read once only, and every role reads the settings
  if (!status.isFile()) return { problem: 'this is not a regular file' };
  if (status.size > MAX_BYTES)
    return { problem: `it is larger than ${MAX_BYTES} bytes: hardly a settings file` };
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  // silently replaced bytes would be other paths and passwords than those that were written
  return Buffer.from(text, 'utf8').equals(bytes) ? text : { problem: 'it is not UTF-8 text' };
}

function unreadable(code: string): string {
  return code === 'EACCES' || code === 'EPERM'
    ? 'it cannot be read: permission denied'
    : `it cannot be read: ${code}`;
}
