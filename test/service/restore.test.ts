import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { makeLedger, readLedger, startWriter, type LedgerShape } from '../support/busy-database.ts';

// A database back to what it was, as an operator does it.

/** How often a restore is killed; more of them in a soak. */
const KILLS = Number(process.env['WAVSPOOL_KILLS'] ?? 8);
const SETTINGS = `databases:
  - { name: ledger, path: DIR/ledger.db, snapshots: [
      { name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "ledger_{YYYY-MM-DD-HH-mm-ss}.db", compress: zstd } ] }
`;

/** A host with a ledger of some moves and one snapshot of it; then there are more moves. */
async function rigWithSnapshot(
  shape: LedgerShape = {},
): Promise<HostRig & { readonly database: string; readonly snapshot: string; readonly moves: number }> {
  const rig = await makeHostRig(SETTINGS);
  const database = join(rig.directory, 'ledger.db');
  makeLedger(database, shape);
  await (await startWriter(database, 1000, 0.3)).ended();
  const { moves } = readLedger(database);
  const { stdout } = await rig.wavspool('snapshot', 'ledger');
  await (await startWriter(database, 1000, 0.3)).ended();
  expect(readLedger(database).moves).toBeGreaterThan(moves);
  return Object.assign(rig, { database, snapshot: stdout.trim(), moves });
}

function savedIn(stdout: string): string {
  return /to undo: wavspool restore ledger --from (\S+)/.exec(stdout)?.[1] ?? '';
}

test('from a file, and undone', async () => {
  await using rig = await rigWithSnapshot();
  const { database, snapshot, moves } = rig;
  const before = readLedger(database);
  const restored = await rig.wavspool('restore', 'ledger', '--from', snapshot);
  expect(restored).toMatchObject({ code: 0 });
  expect(readLedger(database)).toEqual({ sum: 0, moves, ok: 'ok' });
  const undone = await rig.wavspool('restore', 'ledger', '--from', savedIn(restored.stdout));
  expect(undone).toMatchObject({ code: 0 });
  expect(readLedger(database)).toEqual(before);
  expect(await rig.names('.', true)).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/^\.wavspool-|-journal$/)]),
  );
});

test('by a name out of the list, by a time in the wall clock, and nothing without either', async () => {
  await using rig = await rigWithSnapshot();
  const name = rig.snapshot.split('/').at(-1)!;
  expect(await rig.wavspool('restore', 'ledger', '--from', name)).toMatchObject({ code: 0 });
  expect(readLedger(rig.database).moves).toBe(rig.moves);
  expect(await rig.wavspool('restore', 'ledger', '--at', '2099-01-01 00:00')).toMatchObject({ code: 0 });
  for (const [args, fault] of [
    [['--at', '2001-01-01'], 'nothing of ledger was kept at or before that time: the oldest copy is of 20'],
    [['--at', 'yesterday'], 'is no time'],
    [['--from', 'nothing.db'], 'no copy of ledger has that name'],
    [[], 'say --from <file> or --at <time>'],
    [['--from', name, '--at', '2099-01-01'], 'either --from or --at'],
  ] as const) {
    const refused = await rig.wavspool('restore', 'ledger', ...args);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(fault)]);
  }
});

test('with a program that writes on: refused and named, unless told to; then exact', async () => {
  await using rig = await rigWithSnapshot();
  await using writer = await startWriter(rig.database, 300, 60);
  const refused = await rig.wavspool('restore', 'ledger', '--from', rig.snapshot);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`is open in node (pid ${writer.process.pid})`);
  expect(readLedger(rig.database).moves).toBeGreaterThan(rig.moves);

  const restored = await rig.wavspool('restore', 'ledger', '--from', rig.snapshot, '--yes', '--json');
  expect(JSON.parse(restored.stdout)).toMatchObject({
    heldBy: [{ pid: writer.process.pid, program: 'node' }],
  });
  const { moves: now } = readLedger(rig.database);
  await expect.poll(() => readLedger(rig.database).moves).toBeGreaterThan(now);
  expect(writer.process.exitCode).toBeNull();
  expect(readLedger(rig.database)).toMatchObject({ sum: 0, ok: 'ok' });
});

test('over what a killed program left behind, its WAL included', async () => {
  await using rig = await rigWithSnapshot();
  const writer = await startWriter(rig.database, 2000, 60);
  await expect.poll(() => readLedger(rig.database).moves).toBeGreaterThan(rig.moves + 1500);
  await writer[Symbol.asyncDispose]();
  expect(await rig.names('.')).toContain('ledger.db-wal');
  const left = readLedger(rig.database);
  const restored = await rig.wavspool('restore', 'ledger', '--from', rig.snapshot);
  expect(restored).toMatchObject({ code: 0 });
  expect(readLedger(rig.database)).toEqual({ sum: 0, moves: rig.moves, ok: 'ok' });
  expect(readLedger(savedIn(restored.stdout))).toEqual(left);
});

test('over a database that is damaged, of another page size, or gone but for its WAL', async () => {
  await using rig = await rigWithSnapshot();
  const restoredTo = async (): Promise<string> => {
    const restored = await rig.wavspool('restore', 'ledger', '--from', rig.snapshot);
    expect(restored).toMatchObject({ code: 0 });
    expect(readLedger(rig.database)).toEqual({ sum: 0, moves: rig.moves, ok: 'ok' });
    return restored.stdout;
  };
  await writeFile(rig.database, 'no database at all');
  await writeFile(`${rig.database}-wal`, 'nor a WAL');
  const saved = savedIn(await restoredTo());
  expect(await readFile(saved, 'utf8')).toBe('no database at all');
  expect(await readFile(`${saved}-wal`, 'utf8')).toBe('nor a WAL');

  await rm(rig.database);
  makeLedger(rig.database, { pageSize: 8192 });
  await restoredTo();

  const writer = await startWriter(rig.database, 2000, 60);
  await writer[Symbol.asyncDispose]();
  await rm(rig.database);
  expect(await restoredTo()).toContain('nothing was there before');
});

test('a damaged snapshot is refused before anything is touched', async () => {
  await using rig = await rigWithSnapshot();
  const bad = join(rig.directory, 'bad.db.zst');
  await copyFile(rig.snapshot, bad);
  const file = await open(bad, 'r+');
  await file.write(Buffer.from([1, 2, 3]), 0, 3, 5000);
  await file.close();
  const before = await rig.names('.');
  const moves = readLedger(rig.database).moves;
  expect(await rig.wavspool('restore', 'ledger', '--from', bad)).toMatchObject({ code: 1, stdout: '' });
  expect(await rig.wavspool('restore', 'ledger', '--from', bad, '--verify-only')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(`BAD ${bad}: `),
  });
  expect(await rig.wavspool('restore', 'ledger', '--verify-only')).toMatchObject({
    code: 0,
    stdout: `ok  ${rig.snapshot}\n`,
  });
  expect(readLedger(rig.database).moves).toBe(moves);
  expect((await rig.names('.')).filter((name) => !/-(?:wal|shm)$/.test(name))).toEqual(
    before.filter((name) => !/-(?:wal|shm)$/.test(name)),
  );
});

test('on a terminal it lists, asks and restores what was chosen', async () => {
  await using rig = await rigWithSnapshot();
  const typed = async (...lines: string[]): Promise<string> => {
    const bin = join(import.meta.dirname, '../../bin/wavspool.js');
    const config = join(rig.directory, 'wavspool.yaml');
    const command = `${process.execPath} ${bin} --config ${config} restore ledger`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    terminal.stdout.on('data', (chunk) => {
      shown += String(chunk);
      // an answer for each question, when it stands there
      const asked = shown.split(/\? (?:1-\d+, nothing ends it: |\[y\/N\] )/).length - 1;
      while (answered < asked) terminal.stdin.write(`${lines[answered++] ?? ''}\n`);
    });
    let answered = 0;
    await once(terminal, 'close');
    return shown;
  };
  expect(await typed('')).toContain('nothing was changed');
  expect(await typed('1', 'n')).toContain('nothing was changed');
  expect(readLedger(rig.database).moves).toBeGreaterThan(rig.moves);
  expect(await typed('1', 'y')).toContain('is restored from');
  expect(readLedger(rig.database).moves).toBe(rig.moves);
});

test('kill -9 at any moment leaves the old content or the new one', async () => {
  await using rig = await rigWithSnapshot({ accounts: 20_000 });
  const after = readLedger(rig.database).moves;
  const tookMs = await (async () => {
    const startedAt = performance.now();
    expect(await rig.wavspool('restore', 'ledger', '--from', rig.snapshot)).toMatchObject({ code: 0 });
    return performance.now() - startedAt;
  })();
  const seen = new Set<number>();
  for (let round = 0; round < KILLS; round++) {
    const db = new Database(rig.database);
    const moves = db.prepare('SELECT count(*) FROM moves').pluck().get() as number;
    db.transaction(() => {
      for (let more = moves; more < after; more++) db.exec('INSERT INTO moves (amount) VALUES (0)');
    })();
    db.close();
    const child = rig.launch('restore', 'ledger', '--from', rig.snapshot);
    const killer = setTimeout(() => child.kill('SIGKILL'), tookMs * (0.3 + (0.7 * round) / KILLS));
    await once(child, 'close');
    clearTimeout(killer);
    const found = readLedger(rig.database);
    expect(found).toMatchObject({ sum: 0, ok: 'ok' });
    expect([rig.moves, after]).toContain(found.moves);
    seen.add(found.moves);
  }
  expect(seen.size).toBeGreaterThan(0);
  expect(await rig.wavspool('restore', 'ledger', '--from', rig.snapshot)).toMatchObject({ code: 0 });
  expect(await rig.names('.', true)).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/^\.wavspool-/)]),
  );
});
