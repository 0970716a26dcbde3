import { WavspoolError } from '../../domain/faults.ts';

/** What `PRAGMA table_list` says of a name. */
export interface Listed {
  readonly name: string;
  readonly type: 'table' | 'view' | 'shadow' | 'virtual';
}

/**
 * The tables with these names, each once, in this order; names are compared as SQLite does, without regard to the case of
 * ASCII letters. Throws TABLE_UNKNOWN for what is no table with rows of its own, with the reason and those there are.
 */
export function chooseTables(
  listed: readonly Listed[],
  wanted: readonly string[],
  database: string,
): readonly string[] {
  const mine = listed.filter(({ name }) => !isInternal(name));
  const chosen = wanted.map((name) => {
    const found = listed.find((one) => folded(one.name) === folded(name));
    if (found?.type === 'table' && !isInternal(found.name)) return found.name;
    const there = mine.filter(({ type }) => type === 'table').map((one) => one.name);
    const tables = there.length === 0 ? 'it has no tables' : `its tables are: ${there.toSorted().join(', ')}`;
    throw new WavspoolError('TABLE_UNKNOWN', `${database}: ${why(name, found, listed)}; ${tables}`);
  });
  return [...new Set(chosen)];
}

function why(name: string, found: Listed | undefined, listed: readonly Listed[]): string {
  const quoted = JSON.stringify(name);
  if (found === undefined) return `there is no table ${quoted}`;
  if (isInternal(found.name)) return `${quoted} is SQLite's own`;
  if (found.type === 'view')
    return `${quoted} is a view, which has no rows of its own: export the tables that it reads`;
  if (found.type === 'virtual')
    return `${quoted} is a virtual table, which only its module can fill: export the table that it was made from`;
  const owner = listed.find(
    (one) => one.type === 'virtual' && folded(name).startsWith(`${folded(one.name)}_`),
  );
  return `${quoted} belongs to the virtual table ${JSON.stringify(owner?.name ?? '')}, which alone may write to it`;
}

function isInternal(name: string): boolean {
  return folded(name).startsWith('sqlite_');
}

function folded(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
