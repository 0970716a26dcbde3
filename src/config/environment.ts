import { pathText } from './tree.ts';
import type { MapNode, Path, ScalarNode, SettingsNode } from './tree.ts';
import type { ReadFault } from './read-yaml.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$${` is a literal `${`; anything else that begins with `${` must be a whole reference. */
const REFERENCE = /\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;
const LONE_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in the scalars of a settings file that is parsed already, so that no value
 * can change the file's shape; what a value holds is not looked at again. A scalar that is `${NAME}` and nothing else
 * counts as absent (null, with `unset`) when NAME is unset or empty; inside a longer text an unset NAME is a fault.
 * The result holds null where a fault was.
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
  const lone = LONE_REFERENCE.exec(text)?.[1];
  if (lone !== undefined) {
    const value = env[lone] ?? '';
    return value === '' ? { ...node, value: null, unset: lone } : { ...node, value, env: [lone] };
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
