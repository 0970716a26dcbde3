import { stringify } from 'yaml';
import { KEYS, namesBelow, patternOf } from './keys.ts';
import { isMapping } from './paths.ts';
import { Secret } from './secret.ts';
import { describeSource } from './sources.ts';
import { pathText } from './tree.ts';
import { formatDuration, formatSize } from './units.ts';
import type { LoadedSettings } from './load.ts';
import type { Path } from './tree.ts';
import type { ValueKind } from './values.ts';

/** One effective setting as `config show` prints it. */
export interface ShownSetting {
  /** `databases[0].snapshots[1].cron`. */
  readonly path: string;
  /** As one would write it in the settings file: `5m`, `16MiB`, `["**\/*.tar"]`, `null` when absent, `***` for secrets. */
  readonly value: string;
  /** `default`, `default (NAME is not set)`, `wavspool.yaml:12`, `env NAME`, `env NAME (wavspool.yaml:12)`. */
  readonly source: string;
}

/** Every effective setting with its source, in the order of the documentation, secrets masked. */
export function showSettings({
  settings,
  sources,
}: Pick<LoadedSettings, 'settings' | 'sources'>): ShownSetting[] {
  return leaves(settings, []).map(({ path, value }) => ({
    path: pathText(path),
    value: shown(value, KEYS.get(patternOf(path))?.kind ?? 'plain'),
    source: describeSource(sources.get(pathText(path)) ?? { kind: 'default' }),
  }));
}

/** The shown settings as lines for a terminal, `path: value  # source`, the sources in one column where they fit. */
export function settingsLines(shown: readonly ShownSetting[]): string[] {
  const texts = shown.map(({ path, value, source }) => ({ text: `${path}: ${value}`, source }));
  const column = Math.min(60, Math.max(0, ...texts.map(({ text }) => text.length)));
  return texts.map(({ text, source }) => `${text.padEnd(column)}  # ${source}`);
}

interface Leaf {
  readonly path: Path;
  readonly value: unknown;
}

function leaves(value: unknown, path: Path): Leaf[] {
  const pattern = patternOf(path);
  if (Array.isArray(value) && value.length > 0 && namesBelow(`${pattern}[]`).length > 0) {
    return value.flatMap((entry: unknown, index) => leaves(entry, [...path, index]));
  }
  if (isMapping(value) && !(value instanceof Secret)) {
    const names = namesBelow(pattern);
    if (names.length > 0) return names.flatMap((name) => leaves(value[name], [...path, name]));
  }
  return [{ path, value }];
}

function shown(value: unknown, kind: ValueKind): string {
  if (value === undefined) return 'null';
  if (value instanceof Secret || kind === 'secret') return '***';
  const inUnits = (inner: unknown): unknown =>
    typeof inner === 'number' && (kind === 'duration' || kind === 'size')
      ? (kind === 'duration' ? formatDuration : formatSize)(inner)
      : inner;
  const written = isMapping(value)
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, inUnits(entry)]))
    : inUnits(value);
  return stringify(written, { collectionStyle: 'flow', lineWidth: 0, defaultStringType: 'PLAIN' }).trimEnd();
}
