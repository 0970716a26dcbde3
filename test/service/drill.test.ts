import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { maintenanceJobs, maintenanceStatus, takeSnapshots } from '../../src/maintenance/catalogue/index.ts';
import { runJob } from '../../src/platform/jobs/index.ts';
import { makeLedger, readLedger, startWriter } from '../support/busy-database.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';

// Snapshots and points in time together, as jobs of one host: a restore at a time, and the drill that proves it beforehand.

const never = new AbortController().signal;
const SETTINGS = `databases:
  - name: ledger
    path: DIR/ledger.db
    snapshots: [ { name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "ledger_{YYYY-MM-DD-HH-mm-ss}.db" } ]
    pointInTime: { every: 5m, keep: 7d, dir: DIR/points }
`;

function runNow(rig: HostRig, id: string): Promise<object> {
  const job = maintenanceJobs(rig.host).find((one) => one.id === id);
  if (job === undefined) throw new Error(`there is no job ${id}`);
  return runJob(rig.host, job, { by: 'hand', patienceMs: 0 }, never);
}

/** Local, as an operator types it; SQLite's moves are counted from there. */
function typed(at: number): string {
  return new Date(at).toISOString().slice(0, 23).replace('T', ' ');
}

test('restore --at brings back the last point at or before that time, and the drill restores one of each kind', async () => {
  await using rig = await makeHostRig(SETTINGS);
  const database = join(rig.directory, 'ledger.db');
  makeLedger(database);
  expect(await rig.wavspool('restore', 'ledger', '--at', '2099-01-01')).toMatchObject({ code: 2 });

  const captured: { at: number; moves: number }[] = [];
  for (let point = 0; point < 3; point++) {
    await (await startWriter(database, 1000, 0.2)).ended();
    const { moves } = readLedger(database);
    await runNow(rig, 'point-in-time ledger');
    captured.push({ at: Date.now(), moves });
  }
  await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
  await (await startWriter(database, 1000, 0.2)).ended();
  const status = await maintenanceStatus(rig.host, maintenanceJobs(rig.host));
  expect(status.pointInTime['ledger']).toMatchObject({ points: 3, gaps: 0, damaged: [] });

  for (const { at, moves } of captured.toReversed()) {
    const restored = await rig.wavspool('restore', 'ledger', '--at', typed(at));
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('the restore point') });
    expect(readLedger(database)).toEqual({ sum: 0, moves, ok: 'ok' });
  }
  // behind the last capture the snapshot is later, and in a week it is what there is of now
  expect(await rig.wavspool('restore', 'ledger', '--at', '2099-01-01')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('copies/ledger_'),
  });
  expect(
    await rig.wavspool('restore', 'ledger', '--at', typed(captured[0]!.at), '--verify-only'),
  ).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ok {2}the restore point /),
  });

  expect(await runNow(rig, 'drill ledger')).toEqual({
    restored: [expect.stringContaining('copies/ledger_'), expect.stringContaining('the restore point')],
  });
  expect(await rig.names('data/scratch', true)).toEqual([]);
});

test('a drill that meets a damaged copy fails, and the status says so', async () => {
  await using rig = await makeHostRig(SETTINGS);
  makeLedger(join(rig.directory, 'ledger.db'));
  const [taken] = await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
  const bytes = await readFile(taken!.path);
  bytes[5000]! ^= 1;
  await writeFile(taken!.path, bytes);
  await expect(runNow(rig, 'drill ledger')).rejects.toThrow('has changed since it was made');
  const { schedules } = await maintenanceStatus(rig.host, maintenanceJobs(rig.host));
  expect(schedules.find(({ job }) => job === 'drill ledger')?.last).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('has changed since it was made'),
  });
});
