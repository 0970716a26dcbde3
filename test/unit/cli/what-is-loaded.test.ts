import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../../support/run-command.ts';

const COMMANDS = join(import.meta.dirname, '../../../src/cli/commands');

/** What a file loads before anything in it runs, and what that loads: files of ours by their path, packages by their name. */
function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  const source = readFileSync(file, 'utf8');
  for (const [, from = ''] of source.matchAll(
    /^(?:import|export)(?! type\b)(?:[^;]*?\bfrom)? '([^']+)';/gm,
  )) {
    const name = from.startsWith('.') ? join(dirname(file), from) : from;
    if (seen.has(name)) continue;
    seen.add(name);
    if (name.endsWith('.ts')) loadedBy(name, seen);
  }
  return seen;
}

test.each(['status.ts', 'snapshot.ts', 'restore.ts', 'rotate.ts'])(
  '%s: a host without Redis does not load what talks to it, a third of all that would be loaded',
  (file) => {
    const loaded = loadedBy(join(COMMANDS, file));
    expect(loaded, 'the test reads the imports').toContain('better-sqlite3');
    expect([...loaded].filter((name) => ['bullmq', 'ioredis', 'chokidar'].includes(name))).toEqual([]);
  },
);

test('"help COMMAND" says what "COMMAND --help" does', async () => {
  const [asked, told] = await Promise.all([
    runCommand(['--config', 'none.yaml', 'help', 'snapshots', 'list']),
    runCommand(['snapshots', 'list', '--help']),
  ]);
  expect(asked).toEqual(told);
  expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('snapshots list [options]') });
});
