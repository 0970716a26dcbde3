import { KEYS, patternOf } from './keys.ts';
import { pathText } from './tree.ts';
import type { ReadFault } from './read-yaml.ts';
import type { SettingSource, SettingSources } from './sources.ts';
import type { MapNode, Path, ScalarNode, SettingsNode } from './tree.ts';

/** The settings as plain data, not yet validated, and where each key came from. */
export interface MergedSettings {
  readonly values: unknown;
  readonly sources: SettingSources;
  readonly faults: readonly ReadFault[];
}

interface Merging {
  readonly file: string;
  readonly sources: Map<string, SettingSource>;
  readonly faults: ReadFault[];
}

interface Layers {
  readonly base: SettingsNode | undefined;
  readonly over: SettingsNode | undefined;
}

/**
 * Lays a settings file over the defaults: mappings are merged, lists and values replaced as a whole. `key: null` takes
 * an optional key away; an empty section, and a variable that is not set, leave the default. `file` is the name that
 * the sources give the settings file.
 */
export function mergeSettings(defaults: MapNode, own: MapNode | undefined, file: string): MergedSettings {
  const merging: Merging = { file, sources: new Map(), faults: [] };
  return {
    values: merge(merging, { base: defaults, over: own }, []),
    sources: merging.sources,
    faults: merging.faults,
  };
}

function merge(merging: Merging, { base, over }: Layers, path: Path): unknown {
  if (over?.kind === 'scalar' && over.value === null) return mergeAbsent(merging, base, over, path);
  const winner = over ?? base;
  if (winner === undefined) return undefined;
  setSource(merging, path, sourceOf(merging, winner, over !== undefined));
  if (winner.kind === 'scalar') return winner.value ?? undefined;
  if (winner.kind === 'list') {
    return winner.entries.map((entry, index) =>
      over === undefined
        ? merge(merging, { base: entry, over }, [...path, index])
        : merge(merging, { base: undefined, over: entry }, [...path, index]),
    );
  }
  return mergeMaps(
    merging,
    base?.kind === 'map' ? base : undefined,
    over === undefined ? undefined : winner,
    path,
  );
}

function mergeMaps(
  merging: Merging,
  base: MapNode | undefined,
  over: MapNode | undefined,
  path: Path,
): unknown {
  const names = new Set([...(base?.entries.keys() ?? []), ...(over?.entries.keys() ?? [])]);
  const entries = [...names].map((name) => {
    const layers = { base: base?.entries.get(name), over: over?.entries.get(name) };
    return [name, merge(merging, layers, [...path, name])] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** What stands where the file says null, or asks for a variable that is not set. */
function mergeAbsent(
  merging: Merging,
  base: SettingsNode | undefined,
  over: ScalarNode,
  path: Path,
): unknown {
  const info = KEYS.get(patternOf(path));
  const { unset } = over;
  if (unset === undefined) {
    const isEmptySection = base?.kind === 'map' || (base?.kind === 'list' && base.entries.length === 0);
    if (isEmptySection) return merge(merging, { base, over: undefined }, path);
    setSource(merging, path, sourceOf(merging, over, true));
    return info === undefined || info.presence === 'required' ? null : undefined;
  }
  if (info === undefined) {
    const problem = `${unset} is not set in the environment, and there is no default here`;
    merging.faults.push({ path: pathText(path), line: over.line, problem });
    return null;
  }
  const value = merge(merging, { base, over: undefined }, path);
  if (merging.sources.get(pathText(path))?.kind !== 'env')
    setSource(merging, path, { kind: 'default', unset });
  return value;
}

function setSource(merging: Merging, path: Path, source: SettingSource): void {
  merging.sources.set(pathText(path), source);
}

function sourceOf(merging: Merging, node: SettingsNode, isOwn: boolean): SettingSource {
  const place = isOwn ? { file: merging.file, line: node.line } : undefined;
  if (node.kind === 'scalar' && node.env !== undefined) return { kind: 'env', names: node.env, ...place };
  if (place !== undefined) return { kind: 'file', ...place };
  return node.kind === 'scalar' && node.unset !== undefined
    ? { kind: 'default', unset: node.unset }
    : { kind: 'default' };
}
