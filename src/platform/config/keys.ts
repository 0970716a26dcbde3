import { z } from 'zod';
import { settingsSchema } from './schema.ts';
import type { ValueKind } from './values.ts';
import type { Path } from './tree.ts';

/** What the schema says about one key. */
export interface KeyInfo {
  /** `values`: holds more keys, as a mapping or a list of mappings. */
  readonly holds: 'a value' | 'keys';
  readonly kind: ValueKind;
  readonly presence: 'required' | 'optional' | 'default';
  /** What a list entry's key is when it is not given. */
  readonly fallback?: unknown;
}

/** Every key of the settings by its pattern, `databases[].snapshots[].cron`, in the order of the schema. */
export const KEYS: ReadonlyMap<string, KeyInfo> = new Map(keysOf(settingsSchema, ''));

/** The pattern that a path follows: its list entries without their numbers. */
export function patternOf(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** The kind of the value at a path: in a mapping whose keys are free, that of all of its values. */
export function kindAt(path: Path): ValueKind | undefined {
  return (KEYS.get(patternOf(path)) ?? KEYS.get(patternOf(path.slice(0, -1))))?.kind;
}

/** The names that are known directly below a pattern (`''`: at the top). */
export function namesBelow(pattern: string): readonly string[] {
  const start = pattern === '' ? '' : `${pattern}.`;
  return [...KEYS.keys()]
    .filter((key) => key.startsWith(start))
    .map((key) => key.slice(start.length))
    .filter((name) => /^[^.[]+$/.test(name));
}

function keysOf(schema: z.core.$ZodType, pattern: string): [string, KeyInfo][] {
  const inner = bare(schema);
  if (inner instanceof z.ZodArray) return keysOf(inner.element, `${pattern}[]`);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(inner.shape).flatMap(([name, value]) => {
    const own = pattern === '' ? name : `${pattern}.${name}`;
    const below = keysOf(value, own);
    return [[own, keyInfo(value, below.length > 0)], ...below];
  });
}

function keyInfo(schema: z.core.$ZodType, holdsKeys: boolean): KeyInfo {
  const presence =
    schema instanceof z.ZodOptional ? 'optional' : schema instanceof z.ZodDefault ? 'default' : 'required';
  return {
    holds: holdsKeys ? 'keys' : 'a value',
    kind: kindOf(schema),
    presence,
    ...(schema instanceof z.ZodDefault && { fallback: schema.def.defaultValue }),
  };
}

/** The schema without `optional` and `default` around it. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? bare(schema.def.innerType)
    : schema;
}

function kindOf(schema: z.core.$ZodType): ValueKind {
  const inner = bare(schema);
  const kind = z.globalRegistry.get(inner)?.['kind'];
  if (isKind(kind)) return kind;
  if (inner instanceof z.ZodRecord) return kindOf(inner.valueType);
  return inner instanceof z.ZodUnion
    ? (inner.options.map(kindOf).find((option) => option !== 'plain') ?? 'plain')
    : 'plain';
}

function isKind(kind: unknown): kind is ValueKind {
  return kind === 'path' || kind === 'duration' || kind === 'size' || kind === 'secret';
}
