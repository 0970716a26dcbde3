import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../../infra/release.sh');
const CHANGES =
  '# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0 – 2026-11-28\n\n- The first.\n';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wavspool-release-'));
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGES);
  writeFileSync(
    join(root, 'package.json'),
    '{\n  "name": "x",\n  "version": "0.1.0",\n  "private": true\n}\n',
  );
  writeFileSync(
    join(root, 'package-lock.json'),
    '{\n  "name": "x",\n  "version": "0.1.0",\n  "packages": {\n    "": {\n      "version": "0.1.0",\n      "a": 1\n    }\n  }\n}\n',
  );
  git('init', '-q');
  commit();
});
afterEach(() => rmSync(root, { recursive: true }));

const NAMED = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];

function git(...args: string[]): string {
  return execFileSync('git', [...NAMED, ...args], { cwd: root, encoding: 'utf8' });
}

function commit(): void {
  git('add', '-A');
  git('commit', '-qm', 'all');
}

function release(version: string, check = 'true') {
  const identity = { GIT_CONFIG_COUNT: '2', GIT_CONFIG_KEY_0: 'user.name', GIT_CONFIG_VALUE_0: 't' };
  const email = { GIT_CONFIG_KEY_1: 'user.email', GIT_CONFIG_VALUE_1: 't@example.org' };
  const env = { ...process.env, ...identity, ...email, RELEASE_TEST: check };
  const { status, stderr } = spawnSync(SCRIPT, [version], { cwd: root, env, encoding: 'utf8' });
  return { status, stderr };
}

test('the unreleased changes get their version, the package too, in a commit with a tag', () => {
  expect(release('0.2.0')).toEqual({ status: 0, stderr: '' });
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  expect(changes).toMatch(
    /## Unreleased\n\n## 0\.2\.0 – \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\.\n\n## 0\.1\.0/,
  );
  expect(readFileSync(join(root, 'package.json'), 'utf8')).toContain('"version": "0.2.0"');
  expect(readFileSync(join(root, 'package-lock.json'), 'utf8').match(/"0\.2\.0"/g)).toHaveLength(2);
  expect(git('tag')).toBe('v0.2.0\n');
  expect(git('status', '--porcelain')).toBe('');
});

test.each([
  ['', 'true', 'say which version'],
  ['next', 'true', 'say which version'],
  ['0.2.0', 'false', 'a test is red'],
])('no release of %j after %s: %s', (version, check, why) => {
  const before = git('rev-parse', 'HEAD');
  expect(release(version, check)).toMatchObject({ status: 1, stderr: expect.stringContaining(why) });
  expect([git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag')]).toEqual([before, '', '']);
});

test('no release without entries, with open changes, or of a version that is there', () => {
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGES.replace('- A thing.\n', ''));
  expect(release('0.2.0').stderr).toContain('not committed');
  commit();
  expect(release('0.2.0').stderr).toContain('names nothing');
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGES);
  commit();
  expect(release('0.2.0').status).toBe(0);
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGES);
  commit();
  expect(release('0.2.0').stderr).toContain('there already');
});
