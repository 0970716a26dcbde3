/** A scalar of the settings file and the line of its key. `unset` names the variable it asked for in vain. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: Scalar;
  readonly line: number;
  /** The variables its text came from. */
  readonly env?: readonly string[];
  readonly unset?: string;
}

interface ListNode {
  readonly kind: 'list';
  readonly entries: readonly SettingsNode[];
  readonly line: number;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, SettingsNode>;
  readonly line: number;
}

type Scalar = string | number | boolean | null;
/** A settings file as it is written, with the line of every key. */
export type SettingsNode = ScalarNode | ListNode | MapNode;

/** The parts of a path: names of keys and numbers of list entries. */
export type Path = readonly (string | number)[];

/** `databases[0].cron`; a key that is no plain name is quoted: `upload.bytesPerSecond["08:00"]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[\w-]+$/.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
