import { resolve } from 'node:path';
import { kindAt } from './keys.ts';
import type { Path } from './tree.ts';

/**
 * The settings with every path absolute: a leading `<data>` replaced by `paths.data`, relative ones resolved against
 * `base`, the absolute directory of the settings file. What cannot be a path is left as it is, for validation to refuse.
 */
export function resolvePaths(values: unknown, base: string): unknown {
  const written = below(below(values, 'paths'), 'data');
  const data = resolve(base, typeof written === 'string' && !written.includes('<data>') ? written : '.');
  return resolveBelow(values, { base, data }, []);
}

/** The value of a key, or undefined when there is none or `value` is no mapping. */
export function below(value: unknown, key: string): unknown {
  return isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Roots {
  readonly base: string;
  readonly data: string;
}

function resolveBelow(value: unknown, roots: Roots, path: Path): unknown {
  if (Array.isArray(value))
    return value.map((entry: unknown, index) => resolveBelow(entry, roots, [...path, index]));
  if (isMapping(value)) {
    const entries = Object.entries(value).map(([key, entry]) => [
      key,
      resolveBelow(entry, roots, [...path, key]),
    ]);
    return Object.fromEntries(entries);
  }
  return typeof value === 'string' && kindAt(path) === 'path' ? absolute(value, roots, path) : value;
}

function absolute(value: string, { base, data }: Roots, path: Path): string {
  if (value === '' || /^~(\/|$)/.test(value)) return value;
  const isData = path.length === 2 && path[0] === 'paths' && path[1] === 'data';
  const rest = /^<data>(?:\/|$)(.*)$/s.exec(value)?.[1];
  return rest === undefined || isData ? resolve(base, value) : resolve(data, rest);
}
