import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMaintenance, type Maintenance } from '../../../../src/maintenance/catalogue/index.ts';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { systemClock } from '../../../../src/platform/runtime/index.ts';

// Two roles share a turn only where nothing can tell their jobs apart: else one of them would wait for ever.

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-whose-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

let opened = 0;
async function host(snapshotsIn: string): Promise<Maintenance> {
  opened += 1;
  const data = join(directory, `data-${opened}`);
  mkdirSync(data);
  const schedule = { name: 'daily', cron: '0 2 * * *', dir: snapshotsIn, file: '{YYYYMMDD}.db' };
  const settings = {
    paths: { data },
    databases: [{ name: 'app', path: join(directory, 'app.db'), snapshots: [schedule] }],
  };
  const configFile = join(data, 'wavspool.yaml');
  writeFileSync(configFile, JSON.stringify(settings));
  const maintenance = await openMaintenance({
    settings: loadSettings({ configFile, env: {} }).settings,
    clock: systemClock,
    random: Math.random,
    report: () => undefined,
  });
  maintenance.close();
  return maintenance;
}

test('roles that copy one database into one directory have that job in common, and each has its own log', async () => {
  const copies = join(directory, 'copies');
  const [one, two] = [await host(copies), await host(copies)];
  expect(one.host).toBe(two.host);
  for (const { isOwn, settings } of [one, two]) {
    expect(isOwn('snapshot app daily')).toBe(false);
    expect(isOwn(`rotate ${settings.paths.log}`)).toBe(true);
  }
});

test('a copy into another directory, or into the data directory, is another job', async () => {
  const one = await host(join(directory, 'copies'));
  expect((await host(join(directory, 'others'))).host).not.toBe(one.host);
  const own = await host('<data>/copies');
  expect(own.isOwn('snapshot app daily')).toBe(true);
});
