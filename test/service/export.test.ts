import { execFile, spawn } from 'node:child_process';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from '../../src/domain/events.ts';
import { exportTables, type ExportResult, type ExportSettings } from '../../src/maintenance/export/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { runCommand, type Ended } from '../support/run-command.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

// Exports, loaded by the sqlite3 program of this host: an older SQLite than ours, as an operator has it.

const run = promisify(execFile);
const FIRST = Date.parse('2026-11-20T03:00:00Z');
const never = new AbortController().signal;

let work: string;
let serial = 0;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'wavspool-export-'));
});
afterAll(() => rm(work, { recursive: true }));

interface Case {
  readonly path: string;
  readonly dir: string;
  readonly db: Database.Database;
  readonly events: string[];
  run(changes?: Partial<ExportSettings>, now?: number, signal?: AbortSignal): Promise<ExportResult>;
}

/** A database made by `sql`, and what exports it into a directory of its own. */
function prepare(sql: string): Case {
  serial += 1;
  const path = join(work, `${serial}.db`);
  const dir = join(work, `${serial}.exports`);
  const db = new Database(path);
  db.exec(sql);
  const events: string[] = [];
  const report: Report = (event) => events.push(event);
  return {
    path,
    dir,
    db,
    events,
    run: (changes = {}, now = FIRST, signal = never) =>
      exportTables(
        {
          clock: { ...systemClock, now: () => now },
          report,
          timezone: 'UTC',
          origin: 'test',
          databases: [],
          dataDirectory: join(work, 'data'),
        },
        { name: 'app', path },
        {
          name: 'some',
          cron: '0 3 * * 0',
          tables: ['t'],
          dir,
          file: '{name}-{YYYY-MM-DD}.sql',
          compress: 'none',
          ...changes,
        },
        signal,
      ),
  };
}

const copiesIn = async (dir: string): Promise<readonly string[]> =>
  (await readdir(dir)).filter((name) => name !== '.wavspool');

/** Loads an export as the documents say: `sqlite3 new.db < file`. */
async function load(file: string): Promise<string> {
  const path = join(work, `${(serial += 1)}.loaded.db`);
  const program = spawn('sqlite3', ['-bail', path], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said: string[] = [];
  for (const stream of [program.stdout, program.stderr])
    stream.on('data', (chunk) => said.push(String(chunk)));
  const packed = createReadStream(file);
  const sql = file.endsWith('.gz')
    ? packed.pipe(createGunzip())
    : file.endsWith('.zst')
      ? packed.pipe(createZstdDecompress())
      : packed;
  sql.pipe(program.stdin);
  const code = await new Promise((resolve) => program.on('close', resolve));
  expect({ code, said: said.join('') }).toEqual({ code: 0, said: '' });
  return path;
}

/** Every value of a table as sqlite3 sees it: its type, its quote(), its very bits. */
async function values(path: string, table: string, columns: readonly string[]): Promise<string> {
  const shown = columns.map((name) => {
    const column = `"${name.replaceAll('"', '""')}"`;
    return `typeof(${column}), quote(${column}),
      CASE typeof(${column}) WHEN 'real' THEN hex(ieee754_to_blob(${column})) ELSE hex(CAST(${column} AS BLOB)) END`;
  });
  const sql = `SELECT ${shown.join(', ')} FROM "${table}"`;
  const { stdout } = await run('sqlite3', ['-readonly', path, sql], { maxBuffer: 1e9 });
  return stdout;
}

async function schema(path: string): Promise<string> {
  const sql = `SELECT type, name, tbl_name, rtrim(sql, char(10)) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_autoindex%' ORDER BY name`;
  return (await run('sqlite3', ['-readonly', path, sql])).stdout;
}

test('tables come back with their rows, rowids, indexes, triggers and sequences, without those that were not named', async () => {
  const made = prepare(`
    PRAGMA foreign_keys = ON;
    CREATE TABLE other(a);
    CREATE TABLE "or der"(id INTEGER PRIMARY KEY AUTOINCREMENT, "a""b" TEXT NOT NULL DEFAULT 'x;y', parent REFERENCES absent(id),
      twice INTEGER GENERATED ALWAYS AS (id * 2) VIRTUAL, thrice AS (id * 3) STORED);
    CREATE TABLE pairs(a, b, PRIMARY KEY(b, a)) WITHOUT ROWID;
    CREATE TABLE plain(a, b);
    CREATE TABLE shadowed(rowid, oid);
    CREATE TABLE odd(k INTEGER PRIMARY KEY DESC, v);
    CREATE TABLE kinds(i INTEGER, r REAL, t TEXT, b BLOB, a ANY) STRICT;
    CREATE TABLE log(said);
    CREATE INDEX first ON "or der"("a""b" COLLATE NOCASE) WHERE id > 0 -- a comment at the end;
    ;
    CREATE UNIQUE INDEX second ON plain(a, lower(b));
    CREATE TRIGGER fires AFTER INSERT ON plain BEGIN INSERT INTO log VALUES('fired; end;'); DELETE FROM pairs; END;
    INSERT INTO plain(rowid, a, b) VALUES(7, 1, 'x'), (-3, 2, 'y'), (9223372036854775807, 3, 'z');
    DELETE FROM log;
    PRAGMA foreign_keys = OFF;
    INSERT INTO "or der"("a""b", parent) VALUES('one', 77), ('two', 78), ('gone', 0);
    DELETE FROM "or der" WHERE "a""b" = 'gone';
    INSERT INTO pairs VALUES('b', 1), ('a', 2), (x'00', 1);
    INSERT INTO shadowed VALUES(1, 2), (3, 4);
    INSERT INTO odd VALUES(5, 'five'), (1, 'one');
    INSERT INTO kinds VALUES(1, 2, '3', x'04', 5.0), (NULL, 1e400, '', x'', '5.0');
    PRAGMA user_version = 3;
  `);
  const tables = ['or der', 'pairs', 'plain', 'shadowed', 'odd', 'kinds', 'log'];
  const done = await made.run({ tables });
  expect(done).toMatchObject({
    database: 'app',
    export: 'some',
    path: join(made.dir, 'app-2026-11-20.sql'),
    removed: [],
  });
  expect(done.tables).toEqual([2, 3, 3, 2, 2, 2, 0].map((rows, index) => ({ name: tables[index], rows })));
  expect(statSync(done.path)).toMatchObject({ mode: 0o100600, size: done.bytes });

  const loaded = await load(done.path);
  const columns: Record<string, string[]> = {
    'or der': ['id', 'a"b', 'parent', 'twice', 'thrice'],
    pairs: ['a', 'b'],
    plain: ['rowid', 'a', 'b'],
    shadowed: ['_rowid_', 'rowid', 'oid'],
    odd: ['rowid', 'k', 'v'],
    kinds: ['rowid', 'i', 'r', 't', 'b', 'a'],
    log: ['said'],
    sqlite_sequence: ['name', 'seq'],
  };
  for (const [table, names] of Object.entries(columns)) {
    expect(await values(loaded, table, names), table).toBe(await values(made.path, table, names));
  }
  made.db.exec('DROP TABLE other');
  expect(await schema(loaded)).toBe(await schema(made.path));
});

const bytes = fc.uint8Array({ maxLength: 40 }).map((all) => Buffer.from(all));
const nasty = fc
  .array(
    fc.constantFrom(
      '\n',
      '\r',
      '\r\n',
      '\\n',
      "'",
      '"',
      ';',
      '.quit',
      '\n.quit\n',
      '/\n',
      '\ngo\n',
      '--',
      '\0',
      '😀',
      '\ufeff',
      'é',
    ),
  )
  .map((all) => all.join(''));
const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n),
);
const real = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((cents) => cents / 100),
  fc.constantFrom(-0, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE, 503.86404134, 2 ** 63, 1e22),
);
const anyValue = fc.oneof(
  fc.constant(null),
  integer,
  real,
  fc.string({ unit: 'binary', maxLength: 30 }),
  nasty,
  bytes,
  bytes.map((text) => ({ text })),
);

test('whatever a row holds, sqlite3 reads it back bit by bit', async () => {
  const tables = fc.record({
    encoding: fc.constantFrom('UTF-8', 'UTF-16le', 'UTF-16be'),
    compress: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
    types: fc.constantFrom(
      ['', '', ''],
      ['TEXT', 'INTEGER', 'REAL'],
      ['BLOB', 'NUMERIC', 'VARCHAR(3) COLLATE NOCASE'],
    ),
    rows: fc.array(fc.tuple(anyValue, anyValue, anyValue), { maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(tables, async ({ encoding, compress, types, rows }) => {
      const [a, b, c] = types;
      const made = prepare(`PRAGMA encoding = '${encoding}'; CREATE TABLE t(a ${a}, "b c" ${b}, [d'] ${c});`);
      const columns = ['rowid', 'a', 'b c', "d'"];
      for (const row of rows) {
        const marks = row.map((value) => (isBytesOfText(value) ? 'CAST(? AS TEXT)' : '?'));
        made.db
          .prepare(`INSERT INTO t VALUES(${marks.join(', ')})`)
          .run(...row.map((value) => (isBytesOfText(value) ? value.text : value)));
      }
      const done = await made.run({ compress });
      expect(done.rows).toBe(rows.length);
      expect(await values(await load(done.path), 't', columns)).toBe(await values(made.path, 't', columns));
    }),
    { numRuns: Number(process.env['WAVSPOOL_EXPORT_RUNS'] ?? 25) },
  );
});

function isBytesOfText(value: unknown): value is { text: Buffer } {
  return typeof value === 'object' && value !== null && 'text' in value;
}

test('a blob of 20 MB and a text of many lines come back, and many columns', async () => {
  const names = Array.from({ length: 1200 }, (_, index) => `c${index}`);
  const made = prepare(`CREATE TABLE t(b, s); CREATE TABLE wide(${names.join(', ')})`);
  const lines = "line; it's\n".repeat(200_000);
  made.db.prepare('INSERT INTO t VALUES(?, ?)').run(Buffer.alloc(20_000_000, 'wavspool'), lines);
  made.db.prepare(`INSERT INTO wide(c0, c499, c500, c1199) VALUES('a', x'61', 'b', x'62')`).run();
  const done = await made.run({ tables: ['t', 'wide'], compress: 'zstd' });
  const loaded = new Database(await load(done.path), { readonly: true });
  const row = made.db.prepare('SELECT * FROM t').get() as { b: Buffer; s: string };
  const back = loaded.prepare('SELECT * FROM t').get() as { b: Buffer; s: string };
  expect([back.b.equals(row.b), back.s === row.s]).toEqual([true, true]);
  expect(loaded.prepare('SELECT * FROM wide').get()).toEqual(made.db.prepare('SELECT * FROM wide').get());
  loaded.close();
});

test('it sees one moment of a database that others write to', async () => {
  const made = prepare(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE t(id INTEGER PRIMARY KEY, sum INTEGER, filler);
    CREATE TABLE u(id INTEGER PRIMARY KEY, sum INTEGER);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO t SELECT i, 100, hex(randomblob(40)) FROM n;
    INSERT INTO u SELECT id, 100 FROM t;
  `);
  const writer = spawn('sqlite3', [made.path], { stdio: ['pipe', 'ignore', 'inherit'] });
  const move = `BEGIN IMMEDIATE; UPDATE t SET sum = sum - 1 WHERE id = abs(random()) % 20000 + 1;
    UPDATE u SET sum = sum + 1 WHERE id = abs(random()) % 20000 + 1; COMMIT;\n`;
  const feed = new AbortController();
  const feeding = (async () => {
    writer.stdin.write('.timeout 5000\n');
    while (!feed.signal.aborted) {
      writer.stdin.write(move.repeat(20));
      await sleep(2);
    }
    writer.stdin.end();
  })();
  const done = await made.run({ tables: ['t', 'u'] });
  feed.abort();
  await feeding;
  await new Promise((resolve) => writer.on('close', resolve));
  const { stdout } = await run('sqlite3', [
    await load(done.path),
    'SELECT sum(sum) FROM (SELECT sum FROM t UNION ALL SELECT sum FROM u)',
  ]);
  expect(Number(stdout)).toBe(4_000_000);
  expect(made.db.prepare('SELECT count(*) AS moved FROM u WHERE sum <> 100').get()).not.toEqual({ moved: 0 });
});

test('what is no table is refused by name, with those there are, and leaves nothing behind', async () => {
  const made = prepare(
    `CREATE TABLE t(a); CREATE TABLE u(a); CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x);`,
  );
  const there = 'its tables are: t, u';
  for (const [name, problem] of [
    ['nope', 'there is no table "nope"'],
    ['v', '"v" is a view'],
    ['f', '"f" is a virtual table'],
    ['f_data', '"f_data" belongs to the virtual table "f"'],
  ] as const) {
    await expect(made.run({ tables: ['t', name] })).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' });
    await expect(made.run({ tables: ['t', name] })).rejects.toThrow(problem);
    await expect(made.run({ tables: ['t', name] })).rejects.toThrow(there);
  }
  expect(await copiesIn(made.dir)).toEqual([]);
  await rm(made.path);
  await expect(made.run()).rejects.toMatchObject({ code: 'DATABASE_MISSING' });
  await writeFile(
    made.path,
    'no database at all, but long enough to be taken for one by its size'.repeat(20),
  );
  await expect(made.run()).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
});

test('what does not load back gets no name, and the export of before stays', async () => {
  const made = prepare(`CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2);`);
  const before = await made.run();
  // a text in a column of whole numbers, as only a schema that was edited by hand can have
  await run('sqlite3', [
    made.path,
    `INSERT INTO t VALUES('3', 4); PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a INTEGER, b)' WHERE name = 't';`,
  ]);
  await expect(made.run()).rejects.toMatchObject({ code: 'EXPORT_BAD' });
  await expect(made.run()).rejects.toThrow('table "t" came back with other values');
  // SQLite takes a string in double quotes for a name, unless it is an old one
  await run('sqlite3', [made.path, `DROP TABLE t; CREATE TABLE t(a CHECK(a <> "x"))`]);
  await expect(made.run()).rejects.toThrow('SQLite refuses what the schema says: no such column: "x"');
  expect(await copiesIn(made.dir)).toEqual(['app-2026-11-20.sql']);
  await load(before.path);
});

test('its keep applies after a success, to its own files only', async () => {
  const made = prepare('CREATE TABLE t(a)');
  const [keep, day] = [{ last: 2, weekday: 'sunday' } as const, 86_400_000];
  for (const age of [3, 2, 1]) {
    await made.run({ compress: 'gzip', keep: { last: 9, weekday: 'sunday' } }, FIRST - age * day);
  }
  await writeFile(join(made.dir, 'app-notes.sql.gz'), '');
  await writeFile(join(made.dir, 'app-2026-11-01.sql'), 'of another export');
  await expect(made.run({ tables: ['none'], compress: 'gzip', keep })).rejects.toThrow('no table');
  expect((await copiesIn(made.dir)).filter((name) => name.endsWith('.gz'))).toHaveLength(4);
  const done = await made.run({ compress: 'gzip', keep });
  expect(done.removed).toEqual(['app-2026-11-18.sql.gz', 'app-2026-11-17.sql.gz']);
  expect((await copiesIn(made.dir)).toSorted()).toEqual([
    'app-2026-11-01.sql',
    'app-2026-11-19.sql.gz',
    'app-2026-11-20.sql.gz',
    'app-notes.sql.gz',
  ]);
  expect(made.events).toContain('exports pruned');
});
test('a full disk ends it with its name, and leaves nothing behind', async () => {
  const made = prepare(`CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(3000000));`);
  for (const mebibytes of [2, 8]) {
    await using disk = await mountSmallDisk(mebibytes); // too small for the file; for the database that proves it
    await expect(made.run({ dir: disk.path })).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await copiesIn(disk.path)).toEqual([]);
  }
  await expect(made.run({ dir: made.path })).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});

test('an abort takes everything back', async () => {
  const made =
    prepare(`CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
    INSERT INTO t SELECT hex(randomblob(50)) FROM n;`);
  const stop = new AbortController();
  const running = made.run({}, FIRST, stop.signal);
  const hasBegun = async (): Promise<boolean> =>
    existsSync(made.dir) && (await copiesIn(made.dir)).some((name) => name.startsWith('.wavspool-'));
  while (!(await hasBegun())) await sleep(5);
  stop.abort(new Error('stop'));
  await expect(running).rejects.toThrow('stop');
  expect(await copiesIn(made.dir)).toEqual([]);
});

test('the command prints the path, survives kill -9 without a trace of a half file, and lists what it does not know', async () => {
  const made =
    prepare(`CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO t SELECT hex(randomblob(50)) FROM n;`);
  const config = join(work, 'wavspool.yaml');
  const entry = { name: 'weekly', cron: '0 3 * * 0', tables: ['t'], dir: made.dir, file: 't.sql' };
  await writeFile(
    config,
    JSON.stringify({
      paths: { data: join(work, 'data') },
      databases: [{ name: 'app', path: made.path, exports: [entry] }],
    }),
  );
  const command = [join(import.meta.dirname, '../../bin/wavspool.js'), '--config', config, 'export'];
  const wavspool = (...args: string[]): Promise<Ended> => runCommand(['--config', config, 'export', ...args]);
  for (let round = 0; round < 3; round += 1) {
    const child = spawn(process.execPath, [...command, 'app', 'weekly'], { stdio: 'ignore' });
    const gone = new Promise((resolve) => child.on('close', resolve));
    const hasBegun = async (): Promise<boolean> =>
      existsSync(made.dir) && (await copiesIn(made.dir)).some((name) => name.includes(`-${child.pid}-`));
    while (!(await hasBegun())) await sleep(5);
    await sleep(70 * round);
    child.kill('SIGKILL');
    await gone;
    if (existsSync(join(made.dir, 't.sql'))) await load(join(made.dir, 't.sql'));
  }
  expect(await wavspool('app', 'weekly')).toMatchObject({ code: 0, stdout: `${join(made.dir, 't.sql')}\n` });
  expect(await copiesIn(made.dir)).toEqual(['t.sql']);
  const shown = JSON.parse((await wavspool('--json', 'app', 'weekly')).stdout) as object;
  expect(shown).toMatchObject({ tables: [{ name: 't', rows: 100_000 }], rows: 100_000 });
  expect(await wavspool('other', 'weekly')).toMatchObject({ code: 2, stdout: '' });
  expect((await wavspool('other', 'weekly')).stderr).toContain(
    'name no database "other"; there are: state, app',
  );
  expect((await wavspool('app', 'other')).stderr).toContain('app has no export "other"; there are: weekly');
  expect(
    (await readFile(join(made.dir, 't.sql'), 'utf8')).endsWith(
      'COMMIT;\nPRAGMA ignore_check_constraints = OFF;\n',
    ),
  ).toBe(true);
});
