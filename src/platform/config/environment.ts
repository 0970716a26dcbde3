import { pathText } from './tree.ts';
import type { MapNode, Path, ScalarNode, SettingsNode } from './tree.ts';
import type { ReadFault } from './read-yaml.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$${` is a literal `${`; anything else that begins with `${` must be a whole reference. */
const REFERENCE = /\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;
const LONE_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-)?\}$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in the scalars of a settings file that is parsed already, so that no value
 * can change the file's shape; what a value holds is not looked at again. An unset NAME without a default is a fault, and so is
 * an empty one that would be a whole value: a secret that was not loaded must not become another setting. A scalar that is
 * `${NAME:-}` and nothing else counts as absent then (null, with `unset`). The result holds null where a fault was.
 */
export function substitute(root: MapNode, env: Environment): { root: MapNode; faults: readonly ReadFault[] } {
  const faults: ReadFault[] = [];
  return { root: substituteMap(root, { env, faults }, []), faults };
}

interface Substitution {
  readonly env: Environment;
  readonly faults: ReadFault[];
}

function substituteMap(node: MapNode, work: Substitution, path: Path): MapNode {
  const entries = [...node.entries].map(
    ([name, entry]) => [name, substituteNode(entry, work, [...path, name])] as const,
  );
  return { ...node, entries: new Map(entries) };
}

function substituteNode(node: SettingsNode, work: Substitution, path: Path): SettingsNode {
  if (node.kind === 'map') return substituteMap(node, work, path);
  if (node.kind === 'list') {
    return {
      ...node,
      entries: node.entries.map((entry, index) => substituteNode(entry, work, [...path, index])),
    };
  }
  return typeof node.value === 'string' ? substituteText(node, node.value, work, path) : node;
}

function substituteText(
  node: ScalarNode,
  text: string,
  { env, faults }: Substitution,
  path: Path,
): ScalarNode {
  const [, lone, mayBeAbsent] = LONE_REFERENCE.exec(text) ?? [];
  if (lone !== undefined) {
    const value = env[lone] ?? '';
    if (value !== '') return { ...node, value, env: [lone] };
    if (mayBeAbsent !== undefined) return { ...node, value: null, unset: lone };
    const state = env[lone] === undefined ? 'not set' : 'empty';
    const problem = `${lone} is ${state} in the environment; set it, or write \${${lone}:-default}, or \${${lone}:-} for a setting that may be absent`;
    faults.push({ path: pathText(path), line: node.line, problem });
    return { ...node, value: null };
  }
  const used: string[] = [];
  const problems: string[] = [];
  const value = text.replace(
    REFERENCE,
    (whole: string, name: string | undefined, fallback: string | undefined) => {
      if (whole.startsWith('$$')) return whole.slice(1);
      if (name === undefined) {
        problems.push('"${" that is neither ${NAME} nor ${NAME:-default}; write "$${" for the text itself');
        return '';
      }
      if (fallback?.includes('${') === true)
        problems.push(`the default of \${${name}:-…} cannot hold another reference`);
      const found = env[name];
      if (found !== undefined && (found !== '' || fallback === undefined)) {
        used.push(name);
        return found;
      }
      if (fallback === undefined)
        problems.push(`${name} is not set in the environment; set it, or write \${${name}:-default}`);
      return fallback ?? '';
    },
  );
  faults.push(...problems.map((problem) => ({ path: pathText(path), line: node.line, problem })));
  return problems.length > 0
    ? { ...node, value: null }
    : { ...node, value, ...(used.length > 0 && { env: used }) };
}
