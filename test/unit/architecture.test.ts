import { readFileSync, readdirSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PICTURE =
  /```mermaid\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'))?.[1] ?? '';

function foldersIn(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** The wings that files of a wing import from. */
function importedBy(wing: string): Set<string> {
  const imported = new Set<string>();
  for (const file of readdirSync(join(ROOT, 'src', wing), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(join(ROOT, 'src', wing, file), 'utf8');
    for (const [, from = ''] of text.matchAll(/(?:from |import\()'(\.[^']+)'/g))
      imported.add(normalize(join(wing, file, '..', from)).split('/')[0] ?? '');
  }
  imported.delete(wing);
  return imported;
}

const drawn = [...PICTURE.matchAll(/^ {2}(\w+) --> (\w+)$/gm)].map(
  ([, from = '', to = '']) => [from, to] as const,
);

/** Where arrows lead to from a wing, over others too. */
function reached(from: string): Set<string> {
  const found = new Set<string>();
  const follow = (wing: string): void => {
    for (const [start, to] of drawn) if (start === wing && !found.has(to)) follow((found.add(to), to));
  };
  follow(from);
  return found;
}

test('the picture names every wing and its folders (docs/architecture.md)', () => {
  const boxes = [...PICTURE.matchAll(/^ {2}(\w+)\["(\w+)(?:<br\/>(.*))?"\]$/gm)].map(([, id, name, list]) => {
    expect(id).toBe(name);
    return [name, list?.split(', ') ?? []] as const;
  });
  const there = foldersIn('src').map((wing) => [wing, foldersIn(`src/${wing}`)] as const);
  expect(Object.fromEntries(boxes)).toEqual(Object.fromEntries(there));
});

test('the arrows of the picture are the imports, and lead nowhere in a circle', () => {
  for (const wing of foldersIn('src')) {
    const [imported, allowed] = [importedBy(wing), reached(wing)];
    expect(
      [...imported].filter((other) => !allowed.has(other)),
      `${wing} imports what no arrow leads to`,
    ).toEqual([]);
    expect(allowed.has(wing), `${wing} is reached from itself`).toBe(false);
    for (const [from, to] of drawn) if (from === wing) expect(imported, `${from} --> ${to}`).toContain(to);
  }
});
