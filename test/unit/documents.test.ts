import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadProgram } from '../../src/cli/program.ts';

// What the documents tell a reader to open, to type or to click has to be there. They are read as text: a line that is pasted is a line of code.

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'src/README.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }).toSorted(),
];

function textOf(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8');
}

/** What a document has in fences and between backticks, a line each. */
function codeIn(document: string): readonly string[] {
  const text = textOf(document);
  const fenced = [...text.matchAll(/^```.*\n([\s\S]*?)^```$/gm)].flatMap(([, lines = '']) =>
    lines.split('\n'),
  );
  const spans = [...text.replaceAll(/^```.*\n[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)];
  return [...fenced, ...spans.map(([, code = '']) => code)];
}

/** The name that a heading has in an address, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(document: string): readonly string[] {
  const text = textOf(document).replaceAll(/^```.*\n[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

/** How a document begins a call: by the name alone, through npm, or in a container. */
const CALL =
  /^(?:.* exec [a-z]+ )?(?:npm run -s wavspool --|(?:node_modules\/\.bin\/)?node bin\/wavspool\.js|(?:npx )?wavspool)(?: (.*))?$/;

/** The calls of wavspool in a line of code, each as its words. */
function callsIn(line: string): readonly (readonly string[])[] {
  return line
    .replace(/(^| )#.*$/, '')
    .split(/[|;&]+|\$\(/)
    .flatMap((part) => {
      const call = CALL.exec(part.trim());
      return call === null ? [] : [(call[1] ?? '').trim().split(/\s+/)];
    });
}

/** What of a call the command line does not know; undefined where it knows all of it. */
function unknownIn(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  let at = 0;
  for (; at < words.length; at++) {
    const sub = command.commands.find((candidate) => candidate.name() === words[at]);
    if (sub === undefined) break;
    command = sub;
  }
  const first = words[at];
  if (command.commands.length > 0 && first !== undefined && /^[a-z]/.test(first)) return first;
  const options = [...command.options, ...program.options].flatMap(({ long, short }) => [long, short]);
  return words
    .slice(at)
    .map((word) => /^--?[a-z][a-z-]*/.exec(word)?.[0])
    .find((flag) => flag !== undefined && flag !== '--help' && !options.includes(flag));
}

test.each(DOCUMENTS)('%s: every link leads to a file, and to a heading in it', (document) => {
  for (const [, to = ''] of textOf(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [path = '', anchor] = to.split('#');
    const target = path === '' ? document : join(dirname(document), path);
    expect(existsSync(join(ROOT, target)), to).toBe(true);
    if (anchor !== undefined) expect(anchorsIn(target), to).toContain(anchor);
  }
});

test.each(DOCUMENTS)('%s: every file of this repository that it names is there', (document) => {
  for (const code of codeIn(document))
    for (const [, path = ''] of code.matchAll(
      /(?:^|[\s(]|\/opt\/wavspool\/)((?:src|test|docs|infra|bench|bin|workers)\/[\w./@{}*-]+)/g,
    ))
      expect(globSync(path.replace(/[.]$/, ''), { cwd: ROOT }), `${path} in: ${code}`).not.toEqual([]);
});

test('every call of wavspool in a document is one that its command line knows', async () => {
  const program = await loadProgram([]);
  for (const document of DOCUMENTS)
    for (const line of codeIn(document))
      for (const call of callsIn(line))
        expect(unknownIn(program, call), `${document}: ${line}`).toBeUndefined();
  expect(DOCUMENTS.flatMap((document) => codeIn(document).flatMap(callsIn)).length).toBeGreaterThan(100);
  expect(unknownIn(program, ['audit', '--depe'])).toBe('--depe');
  expect(unknownIn(program, ['snapshots', 'lsit'])).toBe('lsit');
  expect(unknownIn(program, ['state', 'copy', '--to', 'URL'])).toBeUndefined();
});

test.each(DOCUMENTS)('%s: every target of make and script of npm is there', (document) => {
  const targets = [...readFileSync(join(ROOT, 'Makefile'), 'utf8').matchAll(/^([a-z-]+):/gm)].map(
    ([, name]) => name,
  );
  const { scripts } = parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  for (const line of codeIn(document)) {
    for (const [, target] of line.matchAll(/(?:^|[;&] ?)make ([a-z-]+)/g))
      expect(targets, line).toContain(target);
    for (const [, script] of line.matchAll(/npm run (?:-s )?([\w:-]+)/g))
      expect(Object.keys(scripts), line).toContain(script);
  }
});

test('a line of a document may hold several calls', () => {
  expect(callsIn('npm run -s wavspool -- config check && npm run -s wavspool -- doctor   # FAIL: …')).toEqual(
    [['config', 'check'], ['doctor']],
  );
});
