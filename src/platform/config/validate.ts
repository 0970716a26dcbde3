import type { z } from 'zod';
import { KEYS, namesBelow, patternOf } from './keys.ts';
import { nearestName } from './nearest-name.ts';
import { isMapping, resolvePaths } from './paths.ts';
import { brokenRules } from './rules.ts';
import type { Sound } from './broken-rule.ts';
import { settingsSchema } from './schema.ts';
import type { Settings } from './schema.ts';
import type { Path } from './tree.ts';

/** One thing that is wrong with the settings, before it is known which line of which file is to blame. */
export interface Finding {
  readonly path: Path;
  readonly problem: string;
  /** What was found, secrets masked; absent where the problem says it all. */
  readonly found?: string;
  readonly allowed?: string;
  readonly nearest?: string;
}

export type Verdict =
  | { readonly kind: 'valid'; readonly settings: Settings }
  | { readonly kind: 'invalid'; readonly findings: readonly Finding[] };

/** Validates merged settings as a whole, so that every fault is found at once. Relative paths are below `base`. */
export function validate(values: unknown, base: string): Verdict {
  const resolved = resolvePaths(values, base);
  const parsed = settingsSchema.safeParse(resolved);
  const findings = (parsed.error?.issues ?? []).flatMap((issue) => findingsOf(issue, values, []));
  const broken = brokenRules(soundSections(resolved, findings), resolved);
  if (parsed.success && broken.length === 0) return { kind: 'valid', settings: parsed.data };
  return { kind: 'invalid', findings: [...findings, ...broken] };
}

/** The sections in which nothing was found, parsed: rules over several settings are checked even beside other faults. */
function soundSections(resolved: unknown, findings: readonly Finding[]): Sound {
  const faulty = new Set(findings.map(({ path }) => path[0]));
  const sound = isMapping(resolved)
    ? Object.entries(resolved).filter(([section]) => !faulty.has(section))
    : [];
  return settingsSchema.partial().parse(Object.fromEntries(sound));
}

function findingsOf(issue: z.core.$ZodIssue, values: unknown, above: Path): Finding[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      problem: 'unknown key',
      ...nearestKey(path, key),
    }));
  }
  if (issue.code === 'invalid_key') {
    return [
      { path, problem: 'not a key that is allowed here', allowed: issue.issues[0]?.message ?? issue.message },
    ];
  }
  if (issue.code === 'invalid_union') {
    // the alternative that fits the shape says more than "none of them"
    const fitting = issue.errors.find((issues) => issues.every((inner) => inner.path.length > 0));
    if (fitting !== undefined) return fitting.flatMap((inner) => findingsOf(inner, values, path));
  }
  const value = valueAt(values, path);
  const isCollection = isMapping(value) || Array.isArray(value);
  if (isCollection && issue.code === 'custom') return [{ path, problem: `needs ${issue.message}` }];
  if (value === undefined) return [{ path, problem: 'missing', allowed: allowedBy(issue) }];
  return [{ path, problem: 'not allowed', found: shown(value, path, issue), allowed: allowedBy(issue) }];
}

function allowedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'object')
    return 'a mapping: keys, indented below it';
  return issue.message;
}

/** A value as it may be printed: one line, short, never a secret, and no text at all where a section should be (P9). */
function shown(value: unknown, path: Path, issue: z.core.$ZodIssue): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isMapping(value)) return 'a mapping';
  if (value === null) return 'nothing (null)';
  const text = typeof value === 'string' ? textShown(value, issue) : JSON.stringify(value);
  const masked = KEYS.get(patternOf(path))?.kind === 'secret' ? '***' : text;
  return typeof value !== 'string' && wantsText(issue) ? `${masked} (a text goes in quotes)` : masked;
}

function textShown(value: string, issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && (issue.expected === 'object' || issue.expected === 'array'))
    return 'a text';
  const text = JSON.stringify(value.replace(/\/\/[^/\s]*@/g, '//***@'));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function wantsText(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.expected === 'string';
}

function valueAt(values: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    if (Array.isArray(value)) return typeof part === 'number' ? (value[part] as unknown) : undefined;
    return isMapping(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, values);
}

/** The sibling that a misspelt key comes close to, else the one place where a key of that name belongs. */
function nearestKey(path: Path, key: string): { nearest?: string } {
  const sibling = nearestName(key, namesBelow(patternOf(path)));
  if (sibling !== undefined) return { nearest: sibling };
  const elsewhere = [...KEYS.keys()].filter((known) => known.endsWith(`.${key}`) && !known.includes('[]'));
  return elsewhere.length === 1 && elsewhere[0] !== undefined ? { nearest: elsewhere[0] } : {};
}
