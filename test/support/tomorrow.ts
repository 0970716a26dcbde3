import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** A program of the next version: this tree with what an upgrade may change. */
export interface Tomorrow extends AsyncDisposable {
  /** Its command line. */
  readonly bin: string;
}

/**
 * Makes the next version in a directory of its own: its ledger has one more schema with added columns, and its queues' payloads have the next
 * version with an added field. What it changes is looked for in the sources, so that it cannot silently change nothing.
 */
export async function makeTomorrow(): Promise<Tomorrow> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-tomorrow-'));
  for (const part of ['src', 'bin', 'workers', 'package.json'])
    await cp(join(ROOT, part), join(directory, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await change(join(directory, 'src/platform/state/postgres/schema.ts'), [
    [/(export const LEDGER_SCHEMA = )(\d+);/, (_all, before, schema) => `${before}${Number(schema) + 1};`],
    [
      /(const STEPS: readonly string\[\] = \[[^]*?)\n\];/,
      (_all, steps) =>
        `${steps}\n  "ALTER TABLE uploads ADD COLUMN tomorrow text DEFAULT 'new'; ALTER TABLE extracted_tars ADD COLUMN tomorrow text;` +
        ` ALTER TABLE runs ADD COLUMN tomorrow text; ALTER TABLE pauses ADD COLUMN tomorrow text; ALTER TABLE leases ADD COLUMN tomorrow text",\n];`,
    ],
  ]);
  await change(join(directory, 'src/platform/queue/jobs.ts'), [
    [/const NEXT = 2;/, () => 'const NEXT = 3;'],
    [/const WRITTEN = 1;/, () => 'const WRITTEN = 2;'],
    // it goes on reading what today's write
    [
      /return z\.union\(\[written, /,
      () =>
        'const before = z.object({ v: z.literal(1), ...fields }).transform((read) => ({ ...read, v: WRITTEN }) as z.output<typeof written>);\n  return z.union([before, written, ',
    ],
    [
      /z\.strictObject\(\{ v: z\.literal\(WRITTEN\), /,
      (all) => `${all}tomorrow: z.literal('new').optional(), `,
    ],
    [/\bv: 1,/g, () => "v: 2, tomorrow: 'new',"],
  ]);
  return {
    bin: join(directory, 'bin/wavspool.js'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

type Change = readonly [what: RegExp, to: (all: string, ...groups: string[]) => string];

async function change(file: string, changes: readonly Change[]): Promise<void> {
  let text = await readFile(file, 'utf8');
  for (const [what, to] of changes) {
    const changed = text.replace(what, to);
    if (changed === text) throw new Error(`${file} has no ${what}`);
    text = changed;
  }
  await writeFile(file, text);
}
