import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { substitute } from './environment.ts';
import { mergeSettings } from './merge.ts';
import { usedParts } from './parts.ts';
import { readYaml } from './read-yaml.ts';
import { withSecretFiles } from './secret-files.ts';
import { readFirst, settingsCandidates } from './settings-file.ts';
import { SettingsError, settingsFault } from './settings-error.ts';
import { pathText } from './tree.ts';
import { validate } from './validate.ts';
import { isWithin } from '../runtime/index.ts';
import type { Environment } from './environment.ts';
import type { UsedParts } from './parts.ts';
import type { ReadFault } from './read-yaml.ts';
import type { Settings } from './schema.ts';
import type { SettingsFault } from './settings-error.ts';
import type { SettingSource, SettingSources } from './sources.ts';
import type { MapNode, Path } from './tree.ts';
import type { Finding } from './validate.ts';

export interface LoadOptions {
  /** What `--config` names; relative to `cwd`. */
  readonly configFile?: string | undefined;
  readonly env?: Environment;
  readonly cwd?: string;
}

export interface LoadedSettings {
  /** Deeply frozen. */
  readonly settings: Settings;
  readonly sources: SettingSources;
  /** The settings file, absolute; undefined when there is none and the defaults hold. */
  readonly file: string | undefined;
  /** What of wavspool this host uses. */
  readonly parts: UsedParts;
  /** Where a settings file was looked for, absolute, in order. */
  readonly lookedAt: readonly string[];
}

/**
 * Finds, reads and validates the settings: the file that `configFile` names, else `WAVSPOOL_CONFIG`, else
 * `wavspool.yaml` in `cwd`, else `/etc/wavspool/wavspool.yaml`, laid over the embedded defaults. Relative paths are below
 * the directory of that file, or below `cwd` without one. Throws SettingsError (SETTINGS_INVALID) with every fault.
 */
export function loadSettings(options: LoadOptions = {}): LoadedSettings {
  const { configFile, cwd = process.cwd() } = options;
  const given = options.env ?? process.env;
  const candidates = settingsCandidates(configFile, given, cwd);
  const lookedAt = candidates.map(({ path }) => path);
  const found = readFirst(candidates);
  const text = found.kind === 'read' ? found.text : '';
  const env = withFilesOf(given, text, found.kind === 'none' ? 'the defaults' : displayName(found.path, cwd));
  if (found.kind === 'none')
    return { ...effective({ name: 'the defaults', base: cwd, env }), file: undefined, lookedAt };
  const name = displayName(found.path, cwd);
  if (found.kind === 'unusable') {
    throw new SettingsError([settingsFault({ file: name, path: '', problem: found.problem })], {
      cause: found.cause,
    });
  }
  const loaded = effective({ name, base: dirname(found.path), env, own: readOwn(found.text, env, name) });
  return { ...loaded, file: found.path, lookedAt };
}

/**
 * The settings that `text` would make as the file at `path` (absolute); nothing of it need be there. Throws SettingsError
 * (SETTINGS_INVALID) with every fault.
 */
export function settingsOfText(
  text: string,
  path: string,
  given: Environment,
): Pick<LoadedSettings, 'settings' | 'sources' | 'parts'> {
  const env = withFilesOf(given, text, path);
  return effective({ name: path, base: dirname(path), env, own: readOwn(text, env, path) });
}

/** The environment with the secrets that files hold. Throws SettingsError for one that cannot be used. */
function withFilesOf(given: Environment, text: string, name: string): Environment {
  const { env, problems } = withSecretFiles(given, [embeddedDefaults().text, text]);
  if (problems.length === 0) return env;
  throw new SettingsError(problems.map((problem) => settingsFault({ file: name, path: '', problem })));
}

interface Ingredients {
  readonly name: string;
  readonly base: string;
  readonly env: Environment;
  readonly own?: ReturnType<typeof substitute>;
}

function effective({
  name,
  base,
  env,
  own,
}: Ingredients): Pick<LoadedSettings, 'settings' | 'sources' | 'parts'> {
  const merged = mergeSettings(substitute(embeddedDefaults().root, env).root, own?.root, name);
  const unread = [...(own?.faults ?? []), ...merged.faults];
  const verdict = validate(merged.values, base);
  if (verdict.kind === 'valid' && unread.length === 0) {
    const loaded = { settings: deepFreeze(verdict.settings), sources: merged.sources };
    return { ...loaded, parts: usedParts(loaded, existsSync(loaded.settings.paths.incoming)) };
  }
  const findings = verdict.kind === 'valid' ? [] : verdict.findings;
  throw new SettingsError(allFaults(unread, findings, merged.sources, name));
}

function readOwn(text: string, env: Environment, name: string): ReturnType<typeof substitute> {
  const read = readYaml(text);
  if (read.kind === 'read') return substitute(read.root, env);
  throw new SettingsError(read.faults.map((each) => settingsFault({ ...each, file: name })));
}

interface Defaults {
  readonly text: string;
  readonly root: MapNode;
}

let defaults: Defaults | undefined;

/** As they were when they were first asked for: an upgrade below a process that runs is not for its code. */
function embeddedDefaults(): Defaults {
  defaults ??= readDefaults();
  return defaults;
}

function readDefaults(): Defaults {
  const text = readFileSync(new URL('./defaults.yaml', import.meta.url), 'utf8');
  const read = readYaml(text);
  if (read.kind === 'read') return { text, root: read.root };
  throw new Error(
    `the embedded defaults are damaged: ${read.faults.map(({ problem }) => problem).join('; ')}`,
  );
}

/** Every fault in the order of the file's lines. */
function allFaults(
  unread: readonly ReadFault[],
  findings: readonly Finding[],
  sources: SettingSources,
  file: string,
): SettingsFault[] {
  const reported = new Set(unread.map(({ path }) => path));
  const last = Number.MAX_SAFE_INTEGER;
  return [
    ...unread.map((each) => settingsFault({ ...each, file })),
    // a value that could not be put together was reported as such
    ...findings
      .filter(({ path }) => !reported.has(pathText(path)))
      .map((each) => placed(each, sources, file)),
  ].toSorted((one, other) => (one.line ?? last) - (other.line ?? last));
}

/** The finding with the line of its key, or of the key that it misses from. */
function placed(finding: Finding, sources: SettingSources, file: string): SettingsFault {
  const source = sourceAbove(finding.path, sources);
  const line = source === undefined || source.kind === 'default' ? undefined : source.line;
  const own = sources.get(pathText(finding.path));
  const note = own === undefined || own.kind === 'file' ? undefined : noteOn(own);
  return settingsFault({ ...finding, path: pathText(finding.path), file, line, note });
}

function noteOn(source: Exclude<SettingSource, { kind: 'file' }>): string | undefined {
  if (source.kind === 'env') return `from ${source.names.join(', ')} in the environment`;
  return source.unset === undefined ? undefined : `${source.unset} is not set in the environment`;
}

/** The source of the closest key, upwards, that stands in the file or the environment. */
function sourceAbove(path: Path, sources: SettingSources): SettingSource | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const source = sources.get(pathText(path.slice(0, length)));
    if (source !== undefined && source.kind !== 'default') return source;
  }
  return undefined;
}

function displayName(path: string, cwd: string): string {
  return isWithin(cwd, path) ? relative(cwd, path) : path;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
