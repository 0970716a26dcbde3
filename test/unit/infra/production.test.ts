import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

// docs/production.md is pasted by an operator who trusts it: what it names must be there.

const guide = readFileSync('docs/production.md', 'utf8');
const unit = readFileSync('infra/systemd/wavspool@.service', 'utf8');
const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'];

function directive(name: string): string | undefined {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];
}

test('every file of the checkout that the guide uses is there', () => {
  const named = [...guide.matchAll(/\/opt\/wavspool\/(infra\/[\w./@-]+)/g)].map(([, file = '']) =>
    file.replace(/\.$/, ''),
  );

  expect(named.length).toBeGreaterThan(4);
  for (const file of named) expect(existsSync(file), file).toBe(true);
});

test('the guide enables one unit per role', () => {
  const enabled = /systemctl enable --now wavspool\.target (.*)/.exec(guide)?.[1]?.split(' ');

  expect(enabled).toEqual(ROLES.map((role) => `wavspool@${role}`));
});

test('a unit runs the checkout’s own Node and waits longer than a role takes to drain', () => {
  expect(directive('ExecStart')).toBe(
    '/opt/wavspool/node_modules/.bin/node --max-semi-space-size=8 --single-threaded-gc /opt/wavspool/workers/%i.js --config /etc/wavspool/wavspool.yaml',
  );
  expect(Number(directive('TimeoutStopSec'))).toBeGreaterThan(30); // shutdownSeconds
  expect(directive('KillMode')).toBe('mixed');
});

test('a unit is restarted for ever and may write to what the guide makes, and nowhere else', () => {
  expect(directive('Restart')).toBe('always');
  expect(directive('StartLimitIntervalSec')).toBe('0');
  expect(directive('ProtectSystem')).toBe('strict');
  const landing = directive('ReadWritePaths')?.replace(/^-/, ''); // a host without recordings has none
  expect(guide).toContain(`incoming: ${landing}\n`);
  expect(guide).toContain(`data: /var/lib/${directive('StateDirectory')}\n`);
});

test('the units stop before their target, so that a stop of it returns when they have ended', () => {
  expect(unit).toMatch(/^After=(.* )?wavspool\.target$/m);
  expect(directive('PartOf')).toBe('wavspool.target');
});

test('a unit gives signs of life, and is not started without its Node', () => {
  expect(directive('Type')).toBe('notify');
  expect(directive('NotifyAccess')).toBe('all'); // systemd-notify is a child
  expect(Number(directive('WatchdogSec'))).toBeGreaterThan(45); // a blocked loop ends itself first
  expect(directive('AssertFileIsExecutable')).toBe(directive('ExecStart')?.split(' ')[0]);
});

test('what systemd 252 does not know stands in the drop-in only', () => {
  expect(unit).not.toMatch(/^Restart(Steps|MaxDelaySec)=/m);
  const dropIns = readdirSync('infra/systemd/wavspool@.service.d');
  expect(dropIns).toEqual(['restart.conf']);
});
