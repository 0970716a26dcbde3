import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';

const run = promisify(execFile);
const ROWS = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
  INSERT INTO uploads (wav_path, status, timestamp, retry_count, key)
  SELECT '/elsewhere/' || i || '.wav', 'SUCCESS', '2026-11-20 10:00:00', 0, i || '.wav' FROM n`;

let rig: Rig;

beforeAll(async () => {
  rig = await startRig(undefined, {}, { together: true });
  await rig.change(ROWS);
  await rig.stop(); // who closes it last writes all of its log into the file
  await damagePage(join(rig.data, 'state.db'));
  await rig.launch();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** Overwrites one page in the middle of `uploads`, as a disk does. */
async function damagePage(path: string): Promise<void> {
  const sql =
    "SELECT pageno, pgsize FROM dbstat WHERE name = 'uploads' AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET 20";
  const { stdout } = await run('sqlite3', ['-json', path, sql]);
  const [page] = JSON.parse(stdout) as { pageno: number; pgsize: number }[];
  if (page === undefined) throw new Error('uploads has too few pages');
  await using file = await open(path, 'r+');
  await file.write(Buffer.alloc(page.pgsize, 0xa5), 0, page.pgsize, (page.pageno - 1) * page.pgsize);
}

interface Said {
  readonly verdict: {
    readonly alive: boolean;
    readonly attention: readonly { id: string; command: string }[];
  };
}

test('one bad page of uploads: status, /healthz, doctor and audit say so, with the restore that mends it', async () => {
  let said: Said | undefined;
  await until(
    'the roles are at work',
    async () => {
      const { code, stdout } = await rig.wavspool('status', '--json');
      if (code === 3) return false; // its Redis is not there yet
      said = JSON.parse(stdout) as Said;
      expect(code).toBe(1);
      return true;
    },
    60_000,
  );
  expect(said?.verdict.attention).toContainEqual(
    expect.objectContaining({ id: 'state-damaged', command: 'wavspool restore state' }),
  );

  await until(
    '/healthz says so',
    async () => {
      const answer = await fetch(`${rig.http}/healthz`).catch(() => undefined);
      return answer !== undefined && (await answer.text()).includes('state-damaged');
    },
    60_000,
  );

  const doctor = await rig.wavspool('doctor');
  expect([doctor.code, doctor.stdout]).toEqual([
    1,
    expect.stringMatching(/FAIL {2}state\.db is sound[^]*restore/),
  ]);

  const audit = await rig.wavspool('audit');
  expect([audit.code, audit.stderr]).toEqual([
    3,
    expect.stringMatching(/state\.db is damaged[^]*wavspool restore state/),
  ]);
  expect(audit.stderr).not.toContain('fault of wavspool');
  await until('the log says so', async () => (await rig.log()).includes('"msg":"state damaged"'));
});
