import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogEntry } from '../../src/maintenance/logrotate/index.ts';

/** A configuration of the program logrotate that says what an entry of `settings.logs` says. */
export function logrotateConfig(entry: LogEntry): string {
  const { dir, extension, minsize, maxsize, maxage } = entry;
  const lines = [
    'daily',
    `rotate ${entry.rotate}`,
    `start ${entry.start}`,
    `dateformat ${entry.dateformat}`,
    ...(['compress', 'delaycompress', 'missingok', 'copytruncate', 'dateext'] as const).filter(
      (key) => entry[key],
    ),
    entry.notifempty ? 'notifempty' : 'ifempty',
    ...(dir === undefined ? [] : [`olddir ${dir}`, 'createolddir 0750 root root']),
    ...(extension === undefined ? [] : [`extension ${extension}`]),
    ...(minsize === undefined ? [] : [`minsize ${minsize}`]),
    ...(maxsize === undefined ? [] : [`maxsize ${maxsize}`]),
    ...(maxage === undefined ? [] : [`maxage ${maxage}`]),
  ];
  return `${entry.path} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

/**
 * Runs logrotate as if it were `at` (UTC) all the time, with its state below `directory`. Files keep their true times. Returns whether it
 * went without an error, and what it said.
 */
export function runLogrotate(
  directory: string,
  entry: LogEntry,
  at: number,
  { force = true, lastAt = at - 86_400_000 }: { force?: boolean; lastAt?: number } = {},
): { ok: boolean; said: string } {
  const config = join(directory, 'logrotate.conf');
  const state = join(directory, 'logrotate.state');
  writeFileSync(config, logrotateConfig(entry), { mode: 0o644 });
  const last = new Date(lastAt).toISOString().slice(0, 13).replace('T', '-');
  writeFileSync(state, `logrotate state -- version 2\n"${entry.path}" ${last}:0:0\n`);
  const when = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  const args = ['-f', when, '/usr/sbin/logrotate', ...(force ? ['--force'] : []), '--state', state, config];
  const { status, stderr } = spawnSync('faketime', args, {
    env: { ...process.env, TZ: 'UTC', NO_FAKE_STAT: '1' },
    encoding: 'utf8',
  });
  if (status === null)
    throw new Error('faketime and logrotate are needed: "infra/install.sh test" installs them');
  return { ok: status === 0, said: stderr };
}
