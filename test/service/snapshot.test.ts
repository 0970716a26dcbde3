import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  open,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { listBackups, takeSnapshots, verifyBackups } from '../../src/maintenance/catalogue/index.ts';
import { withDirectory } from '../../src/platform/linux/index.ts';
import { parseRecord, writeRecord } from '../../src/maintenance/record/index.ts';
import { sha256OfFile } from '../../src/platform/runtime/index.ts';
import { listSnapshots } from '../../src/maintenance/snapshot/index.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { makeLedger, readLedger, startWriter } from '../support/busy-database.ts';
import { until } from '../support/ports.ts';
import { controlledClock } from '../support/time-machine.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

// Snapshots of a database that another program writes to, with the tools of an operator.

/** How often a command is killed; more of them in a soak. */
const KILLS = Number(process.env['WAVSPOOL_KILLS'] ?? 8);
const never = new AbortController().signal;

function schedules(...entries: string[]): string {
  return `databases:\n  - { name: ledger, path: DIR/ledger.db, asserts: ["SELECT sum(balance) = 0 FROM accounts"], snapshots: [ ${entries.join(', ')} ] }\n`;
}
const plain = '{ name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "ledger_{YYYY-MM-DD-HH-mm-ss}.db" }';

function refusal(code: string, error: string): unknown {
  const stdout = expect.stringMatching(new RegExp(`${error}[^]*"code": "${code}"`));
  return expect.objectContaining({ code: 1, stdout });
}

async function verdicts(rig: HostRig): Promise<readonly boolean[]> {
  const found = await Array.fromAsync(verifyBackups(rig.host, undefined, never));
  return found.map(({ ok }) => ok);
}

test.each([
  ['wal', 30],
  ['delete', 10],
] as const)(
  'under 1,000 commits/s of another process in %s mode every snapshot is one state of the database',
  async (journalMode, times) => {
    await using rig = await makeHostRig(
      schedules('{ name: each, on: each, dir: DIR/copies, file: "{label}.db" }'),
    );
    const path = join(rig.directory, 'ledger.db');
    makeLedger(path, { journalMode });
    await using writer = await startWriter(path, 1000, 600); // longer than the snapshots take on a busy machine
    let last = -1;
    for (let number = 0; number < times; number++) {
      const request = { database: 'ledger', event: 'each', label: `n-${number}` };
      const [taken] = await takeSnapshots(rig.host, request, 'event', never);
      const ledger = readLedger(taken?.path ?? '');
      expect(ledger).toMatchObject({ sum: 0, ok: 'ok' });
      expect(ledger.moves).toBeGreaterThan(last);
      last = ledger.moves;
      await until('the writer has gone on', () => readLedger(path).moves > last);
      expect(existsSync(`${taken?.path}-wal`)).toBe(false);
    }
    expect(writer.process.exitCode).toBeNull(); // it wrote on all the time
  },
);

test('a directory that is there is brought to the mode that the settings ask for, one without is left alone', async () => {
  await using rig = await makeHostRig(
    schedules(
      '{ name: asked, on: deploy, dir: DIR/asked, file: "{name}_{label}.db", dirMode: "0750" }',
      '{ name: unasked, on: deploy, dir: DIR/unasked, file: "{name}_{label}.db" }',
    ),
  );
  makeLedger(join(rig.directory, 'ledger.db'));
  for (const name of ['asked', 'unasked']) {
    await mkdir(join(rig.directory, name));
    await chmod(join(rig.directory, name), 0o755);
  }
  const chosen = { database: 'ledger', event: 'deploy', label: 'x' };
  await takeSnapshots(rig.host, chosen, 'event', new AbortController().signal);
  const modeOf = async (name: string): Promise<number> =>
    (await stat(join(rig.directory, name))).mode & 0o777;
  expect([await modeOf('asked'), await modeOf('unasked')]).toEqual([0o750, 0o755]);
  const said = rig.reported.filter((line) => line.startsWith('directory mode'));
  const fields = { directory: join(rig.directory, 'asked'), was: '0755', mode: '0750' };
  expect(said).toEqual([`directory mode changed ${JSON.stringify(fields)}`]);
});

test('compressed or not, with its mode, its label, its hash and the symlink to the newest', async () => {
  await using rig = await makeHostRig(
    schedules(
      '{ name: nightly, cron: "0 2 * * *", dir: DIR/nightly, file: "state.db.backup_{YYYYMMDD}", latest: true }',
      '{ name: packed, on: deploy, dir: DIR/deploy, file: "{name}_{label}.db", compress: gzip, mode: "0640", dirMode: "0750" }',
      '{ name: also, on: deploy, dir: DIR/zstd, file: "{name}.db.zst", compress: zstd }',
    ),
  );
  const path = join(rig.directory, 'ledger.db');
  makeLedger(path);
  const before = readLedger(path);

  const nightly = await rig.wavspool('snapshot', 'ledger');
  expect(nightly).toMatchObject({ code: 0, stderr: '' });
  const file = nightly.stdout.trim();
  expect(file).toMatch(/nightly\/state\.db\.backup_\d{8}$/);
  expect(readLedger(file)).toEqual(before);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(rig.directory, 'nightly'))).mode & 0o777).toBe(0o700);
  expect(join(rig.directory, 'nightly', await readlink(join(rig.directory, 'nightly/latest')))).toBe(file);
  const record = parseRecord(
    await readFile(join(rig.directory, 'nightly/.wavspool', `${file.split('/').at(-1)}.json`), 'utf8'),
  );
  expect(record).toMatchObject({
    kind: 'snapshot',
    schedule: 'nightly',
    source: { name: 'ledger', path },
    count: 1,
    sha256: await sha256OfFile(file),
    bytes: (await stat(file)).size,
    amounts: { accounts: 2000, moves: 0 },
  });

  const deploy = await rig.wavspool(
    'snapshot',
    'ledger',
    '--event',
    'deploy',
    '--label',
    'v2 / "blue"',
    '--json',
  );
  expect(deploy.code).toBe(0);
  const { snapshots } = JSON.parse(deploy.stdout) as {
    snapshots: { path: string; bytes: number; sha256: string }[];
  };
  expect(snapshots.map(({ path }) => path)).toEqual([
    join(rig.directory, 'deploy/ledger_v2-blue.db.gz'),
    join(rig.directory, 'zstd/ledger.db.zst'),
  ]);
  const [packed, zstd] = await Promise.all(snapshots.map(({ path }) => readFile(path)));
  expect((await stat(snapshots[0]!.path)).mode & 0o777).toBe(0o640);
  expect((await stat(join(rig.directory, 'deploy'))).mode & 0o777).toBe(0o750);
  expect(gunzipSync(packed!).equals(zstdDecompressSync(zstd!))).toBe(true);
  await writeFile(join(rig.directory, 'unpacked.db'), gunzipSync(packed!));
  expect(readLedger(join(rig.directory, 'unpacked.db'))).toEqual(before);

  // the same day again: the newest has the plain name, the older one its time
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0, stdout: nightly.stdout });
  const name = file.split('/').at(-1)!;
  expect(await rig.names('nightly')).toEqual([
    'latest',
    name,
    expect.stringMatching(new RegExp(`^${name}_\\d{6}$`)),
  ]);
  expect(await readlink(join(rig.directory, 'nightly/latest'))).toBe(name);
  expect(await rig.wavspool('snapshots', 'verify')).toMatchObject({ code: 0 });
  const list = JSON.parse((await rig.wavspool('snapshots', 'list', '--json')).stdout) as {
    rows: { name: string }[];
  };
  expect(list.rows).toHaveLength(4);
  expect(list.rows.map((one) => one.name).filter((one) => one.startsWith(name))[0]).toBe(name);
});

test('what cannot be copied says what is wrong, and leaves nothing behind and the old snapshots alone', async () => {
  await using rig = await makeHostRig(schedules(plain));
  const path = join(rig.directory, 'ledger.db');
  const snapshot = (): Promise<unknown> => rig.wavspool('snapshot', 'ledger', '--json');
  expect(await snapshot()).toEqual(refusal('DATABASE_MISSING', 'ledger.db: there is no such database'));
  await writeFile(path, 'this is a letter, not a database '.repeat(100));
  expect(await snapshot()).toEqual(refusal('DATABASE_DAMAGED', 'is not a SQLite database'));
  await rm(path);
  makeLedger(path, { accounts: 20_000 });
  expect(await snapshot()).toMatchObject({ code: 0 });
  const good = await rig.names('copies', true);

  const locker = spawn('sqlite3', [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  locker.stdin.write("PRAGMA journal_mode = DELETE;\nBEGIN EXCLUSIVE;\nSELECT 'locked';\n");
  await once(locker.stdout, 'data');
  expect(await snapshot()).toEqual(refusal('DATABASE_BUSY', 'has kept it locked'));
  locker.stdin.end();
  await once(locker, 'close');

  const page = await open(path, 'r+');
  await page.write(Buffer.alloc(2000, 0x7f), 0, 2000, 4096 * 200 + 1000);
  await page.close();
  expect(await snapshot()).toEqual(refusal('DATABASE_DAMAGED', 'is damaged'));
  await truncate(path, 4096 * 100);
  expect(await snapshot()).toEqual(refusal('DATABASE_DAMAGED', '(damaged|malformed)'));
  expect(await rig.names('copies', true)).toEqual(good);
  expect(await verdicts(rig)).toEqual([true]);
});

test('an assert that does not hold, and one that is no query', async () => {
  await using rig = await makeHostRig(
    `${schedules(plain)}  - { name: other, path: DIR/ledger.db, asserts: ["DELETE FROM moves"] }\n`,
  );
  makeLedger(join(rig.directory, 'ledger.db'));
  const change = spawn('sqlite3', [
    join(rig.directory, 'ledger.db'),
    'UPDATE accounts SET balance = 1 WHERE id = 7',
  ]);
  await once(change, 'close');
  const wrong = await rig.wavspool('snapshot', 'ledger');
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toContain('SELECT sum(balance) = 0 FROM accounts gives 0, not 1');
  const noQuery = await rig.wavspool('snapshot', 'other');
  expect(noQuery).toMatchObject({ code: 2, stdout: '' });
  expect(noQuery.stderr).toContain('it is no query');
  expect(await rig.wavspool('snapshot', 'leger')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there are: state, ledger, other'),
  });
  expect(await rig.wavspool('snapshot', 'ledger', '--event', 'x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('it has no events'),
  });
  expect(await rig.names('copies', true)).toEqual([]);
});

test('a disk without room for it', async () => {
  await using disk = await mountSmallDisk(8);
  await using rig = await makeHostRig(
    schedules(`{ name: plain, cron: "0 2 * * *", dir: ${disk.path}/copies, file: "ledger_{HHmmss}.db" }`),
  );
  makeLedger(join(rig.directory, 'ledger.db'), { accounts: 60_000 });
  const { code, stderr } = await rig.wavspool('snapshot', 'ledger');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/no room for a copy of .*ledger\.db/)]);
  expect(await listBackups(rig.host, undefined, never)).toEqual({ snapshots: [], unlisted: [] });
  const { stdout } = await rig.wavspool('snapshots', 'list');
  expect(stdout).not.toContain('ledger_');
});

test.each(['none', 'gzip', 'zstd'])(
  'a flipped bit anywhere in a snapshot is found (%s)',
  async (compress) => {
    await using rig = await makeHostRig(
      schedules(`{ name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "x.db", compress: ${compress} }`),
    );
    makeLedger(join(rig.directory, 'ledger.db'), { accounts: 100 });
    const [taken] = await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
    const path = taken!.path;
    const bytes = await readFile(path);
    for (let number = 0; number < 40; number++) {
      const at = Math.floor((bytes.length * number) / 40);
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << (number % 8);
      await writeFile(path, damaged);
      expect(await verdicts(rig)).toEqual([false]);
    }
    await writeFile(path, bytes.subarray(0, -1));
    expect(await verdicts(rig)).toEqual([false]);
    const bad = await rig.wavspool('snapshots', 'verify', 'ledger');
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining(`BAD ${path}: `) });
    await writeFile(path, bytes);
    expect(await rig.wavspool('snapshots', 'verify', 'ledger')).toMatchObject({
      code: 0,
      stdout: `ok  ${path}\n`,
    });
  },
);

test('retention removes what its rules do not keep, says why, and never the last good one', async () => {
  const clock = controlledClock(Date.parse('2025-09-01T02:00:00Z'));
  await using rig = await makeHostRig(
    schedules(
      '{ name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "ledger_{YYYY-MM-DD}.db", keep: { daily: 9 } }',
    ),
    clock,
  );
  makeLedger(join(rig.directory, 'ledger.db'));
  const copies = join(rig.directory, 'copies');
  for (const day of ['01', '02', '03', '04']) {
    clock.set(Date.parse(`2025-09-${day}T02:00:00Z`));
    await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
  }
  for (const foreign of ['ledger_2025-09-04.db.old', 'notes.txt', 'ledger_2025-13-01.db'])
    await writeFile(join(copies, foreign), 'not ours');
  await copyFile(join(copies, 'ledger_2025-09-01.db'), join(copies, 'ledger_2025-08-01.db'));
  const fewer = await readFile(join(rig.directory, 'wavspool.yaml'), 'utf8');
  await writeFile(join(rig.directory, 'wavspool.yaml'), fewer.replace('daily: 9', 'daily: 2'));

  const dry = await rig.wavspool('snapshots', 'prune', 'ledger', '--dry-run');
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(
    dry.stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(copies, '')),
  ).toEqual([
    'keep   /ledger_2025-09-04.db: the newest verified one, daily 2',
    'keep   /ledger_2025-09-03.db: daily 2',
    'remove /ledger_2025-09-02.db: no rule keeps it',
    'remove /ledger_2025-09-01.db: no rule keeps it',
    'keep   /ledger_2025-08-01.db: no record says what made it: "wavspool snapshots adopt" takes it over',
  ]);
  expect(await rig.names('copies')).toHaveLength(8);

  // the newest is damaged: the next takes its place, so one more stays, and the damaged one is not what goes unseen; and a file
  // that is not what its record says is somebody's
  await writeFile(join(copies, 'ledger_2025-09-04.db'), 'damaged');
  await writeFile(join(copies, 'ledger_2025-09-01.db'), 'somebody put this here');
  const pruned = JSON.parse((await rig.wavspool('snapshots', 'prune', 'ledger', '--json')).stdout) as {
    snapshots: { name: string; keep: boolean; reasons: string[] }[];
  };
  expect(pruned.snapshots.map(({ name, keep }) => [name, keep])).toEqual([
    ['ledger_2025-09-04.db', true],
    ['ledger_2025-09-03.db', true],
    ['ledger_2025-09-02.db', true],
    ['ledger_2025-09-01.db', true],
    ['ledger_2025-08-01.db', true],
  ]);
  expect(pruned.snapshots[0]?.reasons).toEqual(['newer than the newest verified one', 'daily 2']);
  expect(pruned.snapshots[3]?.reasons[0]).toContain('22 bytes');
});

test('kill -9 at any moment leaves the old snapshots and perhaps the new one, whole, and the next run sweeps the rest', async () => {
  await using rig = await makeHostRig(
    schedules(
      '{ name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "ledger_{YYYY-MM-DD}.db", compress: zstd, latest: true, keep: { last: 3 } }',
    ),
  );
  makeLedger(join(rig.directory, 'ledger.db'), { accounts: 20_000 });
  await mkdir(join(rig.directory, 'copies'));
  const started = performance.now();
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  const tookMs = performance.now() - started;
  const [, name = ''] = await rig.names('copies');
  for (let round = 0; round < KILLS; round++) {
    const child = rig.launch('snapshot', 'ledger');
    const killer = setTimeout(() => child.kill('SIGKILL'), tookMs * (0.25 + (0.75 * round) / KILLS));
    await once(child, 'close');
    clearTimeout(killer);
    const found = await Array.fromAsync(verifyBackups(rig.host, undefined, never));
    expect(found.filter(({ ok, verified }) => !ok || !verified)).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
  }
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  const names = await rig.names('copies', true);
  expect(names.filter((one) => one.startsWith('.wavspool-'))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['latest', name]));
  expect(names.filter((one) => one.startsWith('ledger_')).length).toBeLessThanOrEqual(3);
  expect(
    (await readdir(join(rig.directory, 'copies/.wavspool'))).map((one) => one.slice(0, -5)).toSorted(),
  ).toEqual(names.filter((one) => one.startsWith('ledger_')));
});

test(
  'kill -9 while it prunes leaves every snapshot whole or gone, and the newest there',
  async () => {
    await using rig = await makeHostRig(
      schedules(
        '{ name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "ledger_{YYYY-MM-DD}.db", keep: { last: 1 } }',
      ),
    );
    makeLedger(join(rig.directory, 'ledger.db'), { accounts: 50 });
    const [taken] = await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
    const copies = join(rig.directory, 'copies');
    const { record } = (
      await listSnapshots(rig.host, rig.host.databases[1]!, rig.host.databases[1]!.snapshots[0]!)
    )[0]!;
    const fill = async (): Promise<void> => {
      // the nights before: years before would be a leap of the clock, behind which the newest of them stays for once
      for (let nights = 1; nights <= 12; nights++) {
        const at = record!.at - nights * 86_400_000;
        const file = `ledger_${new Date(at).toISOString().slice(0, 10)}.db`;
        await copyFile(taken!.path, join(copies, file));
        await withDirectory(copies, (directory) =>
          writeRecord(directory, { ...record!, file, at, count: 0 }),
        );
      }
    };
    await fill();
    const startedAt = performance.now();
    expect(await rig.wavspool('snapshots', 'prune', 'ledger')).toMatchObject({ code: 0 });
    const tookMs = performance.now() - startedAt;
    for (let round = 0; round < KILLS; round++) {
      await fill();
      const child = rig.launch('snapshots', 'prune', 'ledger');
      const killer = setTimeout(() => child.kill('SIGKILL'), tookMs * (0.6 + (0.4 * round) / KILLS));
      await once(child, 'close');
      clearTimeout(killer);
      const verdicts = await Array.fromAsync(verifyBackups(rig.host, 'ledger', never));
      expect(verdicts.filter(({ ok, verified }) => !ok || !verified)).toEqual([]);
      expect(verdicts[0]).toMatchObject({ name: taken!.name });
    }
    expect(await rig.wavspool('snapshots', 'prune', 'ledger')).toMatchObject({ code: 0 });
    expect(await rig.names('copies', true)).toEqual(['.wavspool', taken!.name]);
    expect(await rig.names('copies/.wavspool', true)).toEqual([`${taken!.name}.json`]);
  },
  120_000 + KILLS * 5000,
);
