import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

// The commands of the site's own document, as they are written there, on a host that has neither Redis nor S3 settings.

const run = promisify(execFile);
const REPOSITORY = join(import.meta.dirname, '../../..');

test('portfolio.yaml by hand: its owner’s commands, and nothing is asked for that the host has not', async () => {
  const root = await mkdtemp(join(tmpdir(), 'wavspool-portfolio-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const env = { PATH: process.env['PATH'], HOME: root, ROOT: root, REPOSITORY };
  const shell = async (command: string): Promise<string> =>
    (await run('bash', ['-euc', command], { cwd: root, env })).stdout.trim();
  /** What a command of wavspool says, and its exit code. */
  const wavspool = (args: string): Promise<string> =>
    shell(
      `code=0; ${process.execPath} "$REPOSITORY/bin/wavspool.js" ${args} --config "$REPOSITORY/infra/examples/portfolio.yaml" 2>&1 || code=$?; echo "exit $code"`,
    );
  await mkdir(join(root, 'srv/portfolio/data'), { recursive: true });
  await mkdir(join(root, 'srv/portfolio/logs'), { recursive: true });
  await shell(
    `sqlite3 srv/portfolio/data/portfolio.sqlite "PRAGMA journal_mode = WAL; CREATE TABLE galleries (n); CREATE TABLE comments (n); CREATE TABLE likes (n); INSERT INTO galleries VALUES ('a'); INSERT INTO comments VALUES ('c')"`,
  );
  const log = join(root, 'srv/portfolio/logs/backend.log');
  await writeFile(log, 'a line\n');

  const doctor = await wavspool('doctor');
  expect(doctor).toMatch(/exit 0$/);
  expect(doctor).not.toMatch(/FAIL|redis|bucket|landing/i);
  expect(await wavspool('snapshot portfolio')).toMatch(
    /daily\/portfolio-\d{4}-\d\d-\d\d\.sqlite\.gz\nexit 0$/,
  );
  expect(await wavspool('snapshot portfolio --event gallery-added --label Wien')).toMatch(
    /gallery-added-Wien-\d{4}-\d\d-\d\d-\d{6}\.sqlite\.gz\nexit 0$/,
  );
  expect(await wavspool('snapshot portfolio --event gallery-added')).toMatch(/needs a label[^]*exit 2$/);
  expect(await wavspool('export portfolio social')).toMatch(
    /social-tables-\d{4}-\d\d-\d\d\.sql\.gz\nexit 0$/,
  );

  // somebody rotates by hand, and the nightly run of the same date is no failure
  expect(await wavspool('rotate --force')).toMatch(/rotated[^]*exit 0$/);
  await appendFile(log, 'a second line\n');
  expect(await wavspool('rotate')).toMatch(/exit 0$/);
  expect(await shell('zcat srv/portfolio/logs/backend-*.log.gz; cat srv/portfolio/logs/backend.log')).toBe(
    'a line\na second line',
  );

  // stop, copy, start: the database is in the journal mode it was in
  expect(await shell('ls var/backups/portfolio/daily/*.gz | wc -l')).toBe('1');
  await shell(
    'gunzip -c var/backups/portfolio/daily/portfolio-*.sqlite.gz > srv/portfolio/data/portfolio.sqlite',
  );
  expect(
    await shell('sqlite3 srv/portfolio/data/portfolio.sqlite "PRAGMA integrity_check; PRAGMA journal_mode"'),
  ).toBe('ok\nwal');

  const [, said = ''] = /^(\{[^]*\})\nexit 1$/.exec(await wavspool('status --json')) ?? [];
  const { redis, store, copies, verdict } = JSON.parse(said) as {
    redis: null;
    store: null;
    copies: readonly {
      kind: string;
      schedule: string;
      count: number;
      retention: string;
      newest: object | null;
    }[];
    verdict: { attention: readonly { id: string }[] };
  };
  expect([redis, store]).toEqual([null, null]);
  expect(verdict.attention.map(({ id }) => id)).toEqual(['role-missing:maintain']); // nothing runs, and that alone is wrong
  const kept = copies.filter(({ newest }) => newest !== null);
  expect(kept.map(({ kind, count, retention }) => [kind, count, retention])).toEqual([
    ['snapshot', 1, 'all of 30 days'],
    ['snapshot', 1, 'all of 90 days'],
    ['export', 1, 'all of 84 days'],
    ['log', 1, 'the newest 7'],
  ]);
  const data = join(root, 'var/lib/wavspool');
  for (const made of ['incoming', 'extracted', 'redis']) expect(existsSync(join(data, made))).toBe(false);
}, 300_000);
