import { execFile } from 'node:child_process';
import { chmod, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeSnapshots } from '../../../src/maintenance/catalogue/index.ts';
import { begin, database, expectAllGood, notesIn } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';

const run = promisify(execFile);
const BIN = join(import.meta.dirname, '../../../bin/wavspool.js');

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

const never = new AbortController().signal;
const DAY = 86_400_000;

test('bot.yaml: the five newest before a deployment, and back by the bot’s own commands', async () => {
  await using life = await begin('bot.yaml', '2026-03-01T12:00:00Z', s3);
  const { host, clock, root } = life;
  const backups = join(root, 'opt/bot/backups');
  const path = join(root, 'opt/bot/bot.db');
  /** As the deployment script runs it: a shell, with `wavspool` on its path. */
  const shell = async (command: string): Promise<string> => {
    const wavspool = `wavspool() { '${process.execPath}' '${BIN}' --config '${join(root, 'wavspool.yaml')}' "$@"; }`;
    const { stdout } = await run('bash', ['-c', `${wavspool}; ${command}`], {
      cwd: backups,
      env: { PATH: process.env['PATH'], ROOT: root },
    });
    return stdout.trim();
  };
  const bot = await database(path, 'replies');
  await mkdir(backups);
  await chmod(backups, 0o755); // as the script before wavspool left it
  for (let deployment = 1; deployment <= 8; deployment++) {
    clock.set(clock.now() + DAY);
    bot.note(`version ${deployment}`);
    await takeSnapshots(host, { database: 'bot', event: 'deploy', label: `v${deployment}` }, 'event', never);
  }
  const names = [5, 6, 7, 8, 9].map((day) => `sqlite-backup-2026-03-0${day}-12-00-00.db`);
  expect(await shell('ls')).toBe(names.join('\n'));
  expect(await shell('stat -c %a .')).toBe('750');
  expect(await shell('stat -c %a *.db | sort -u')).toBe('640');
  expect(notesIn(join(backups, names[0]!), 'replies')).toEqual([
    'first',
    ...[1, 2, 3, 4].map((n) => `version ${n}`),
  ]);
  expect(await shell(`sqlite3 ${names[4]} "PRAGMA integrity_check"`)).toBe('ok');

  // nothing of it is to be done by the clock, so monitoring misses no role; also long after a time at which one would have done something
  const said = await shell('wavspool status; echo "exit $?"');
  expect(said).toMatch(/^site bot[^]*all well[^]*exit 0$/);
  expect(said).toContain('snapshot bot before-deploy: 5 in ');

  // the disk of the backups, for monitoring
  const { disk } = (await life.http('/api/status')) as { disk: Record<string, { freeBytes: number }> };
  expect(disk[backups]?.freeBytes).toBeGreaterThan(0);

  // only looked at: a flipped byte is named, and nothing is restored
  expect(await shell('wavspool restore bot --verify-only')).toContain(names[4]);
  await flipByte(join(backups, names[4]!));
  const refused = await shell('wavspool restore bot --verify-only || echo "exit $?"');
  expect(refused).toMatch(new RegExp(`${names[4]}.*SHA-256[^]*exit 1$`));
  await flipByte(join(backups, names[4]!));

  // a bad deployment is undone, and what it left is kept and listed
  bot.note('a bad version');
  await shell(`wavspool restore bot --from ${names[4]} --yes`);
  expect(notesIn(path, 'replies').at(-1)).toBe('version 8');
  expect(await shell('wavspool snapshots list bot')).toContain('before restore');

  // the database is lost: it comes back in WAL mode, and the bot goes on writing
  await shell(`rm ../bot.db* && wavspool restore bot --from ${names[4]} --yes`);
  expect(await shell('sqlite3 ../bot.db "PRAGMA journal_mode; PRAGMA integrity_check"')).toBe('wal\nok');
  bot.note('goes on');
  expect(notesIn(path, 'replies').slice(-2)).toEqual(['version 8', 'goes on']);

  await expectAllGood(life);

  // a deployment goes on only behind a snapshot
  expect(await shell('wavspool snapshot bot --event deploy --label abc1234 || exit 1')).toContain(
    'sqlite-backup-',
  );
  await writeFile(path, 'no database');
  expect(
    await shell(
      '(wavspool snapshot bot --event deploy --label abc1235 2>/dev/null || exit 1) || echo stopped',
    ),
  ).toBe('stopped');
}, 900_000);

async function flipByte(path: string): Promise<void> {
  const offset = (await stat(path)).size - 1;
  const byte = (await readFile(path))[offset] ?? 0;
  const file = await open(path, 'r+');
  await file.write(Uint8Array.of(byte ^ 1), 0, 1, offset);
  await file.close();
}
