import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';

const SPECIAL = /[*?[]/;

/**
 * The logs that a path of the settings stands for, sorted: itself when it is there or holds no `*`, `?` or `[`, else what
 * matches it as glob(7) says. A pattern that matches nothing stands for itself, so that it is reported as missing.
 */
export async function logsOf(pattern: string): Promise<readonly string[]> {
  if (!SPECIAL.test(pattern) || (await isThere(pattern))) return [pattern];
  let found: readonly string[] = ['/'];
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    const next = await Promise.all(found.map((directory) => inside(directory, part)));
    found = next.flat();
  }
  return found.length === 0 ? [pattern] : found.toSorted();
}

async function inside(directory: string, part: string): Promise<readonly string[]> {
  if (!SPECIAL.test(part)) {
    const path = join(directory, part);
    return (await isThere(path)) ? [path] : [];
  }
  const known = globPattern(part);
  const names = await namesIn(directory);
  return names.filter((name) => known.test(name)).map((name) => join(directory, name));
}

/** One part of a path pattern as glob(7) reads it: no `*` or `?` matches a leading dot. */
export function globPattern(part: string): RegExp {
  let source = /^[*?[]/.test(part) ? '^(?!\\.)' : '^';
  for (const [token] of part.matchAll(/\\.|\[[!^]?\]?[^\]]*\]|[\s\S]/gu)) {
    if (token === '*') source += '.*';
    else if (token === '?') source += '.';
    else if (token.length > 1 && token.startsWith('[')) source += bracket(token);
    else source += RegExp.escape(token.startsWith('\\') ? token.slice(1) : token);
  }
  try {
    return new RegExp(`${source}$`, 'su');
  } catch (error) {
    if (error instanceof SyntaxError) return /(?!)/; // a range that runs backwards, which takes no name
    throw error;
  }
}

/** `[a-z]` and `[!a-z]`: a `]` right behind the bracket, and `-` at either end, stand for themselves. */
function bracket(token: string): string {
  const [, negated = '', content = ''] = /^\[([!^]?)([\s\S]*)\]$/.exec(token) ?? [];
  const escaped = content.replaceAll(/[\\\]^[]/g, String.raw`\$&`).replace(/^-|-$/g, String.raw`\-`);
  return `[${negated === '' ? '' : '^'}${escaped}]`;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
