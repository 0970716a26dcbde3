import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

// The real .ci/run, with the real make, over a Makefile whose targets end as each test says.

let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'ci-run-'));
  mkdirSync(path.join(checkout, '.ci'));
  mkdirSync(path.join(checkout, 'infra'));
  cpSync('.ci/run', path.join(checkout, '.ci/run'));
  installScript('exit 0');
});

afterEach(() => {
  rmSync(checkout, { recursive: true });
});

function installScript(script: string): void {
  writeFileSync(path.join(checkout, 'infra/install.sh'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

interface File {
  status: string;
  assertionResults: { status: string }[];
}

/** A Makefile with two checks and a test run that leaves vitest's report of `files`, if there are any. */
function makefile(
  codes: { lint?: number; types?: number; test?: number; chaos?: number; fleet?: number },
  files?: File[],
): void {
  if (files) {
    const numPassedTests = files
      .flatMap((file) => file.assertionResults)
      .filter((t) => t.status === 'passed').length;
    writeFileSync(path.join(checkout, 'report.json'), JSON.stringify({ numPassedTests, testResults: files }));
  }
  const report = files ? 'cp report.json $(lastword $(subst =, ,$(TEST_ARGS))); ' : '';
  const targets = [
    'list-checks:\n\t@echo lint types',
    `lint:\n\t@exit ${codes.lint ?? 0}`,
    `types:\n\t@exit ${codes.types ?? 0}`,
    `test:\n\t@${report}exit ${codes.test ?? 0}`,
    `chaos:\n\t@exit ${codes.chaos ?? 0}`,
    `fleet-chaos:\n\t@exit ${codes.fleet ?? 0}`,
  ];
  writeFileSync(path.join(checkout, 'Makefile'), `${targets.join('\n')}\n`);
}

function ciRun(): { status: number | null; last: string | undefined; stdout: string } {
  const { status, stdout } = spawnSync(path.join(checkout, '.ci/run'), { encoding: 'utf8' });
  return { status, last: stdout.trimEnd().split('\n').at(-1), stdout };
}

const passing = (count: number): File => ({
  status: 'passed',
  assertionResults: Array.from({ length: count }, () => ({ status: 'passed' })),
});

test('the last line sums the checks and the real tests', () => {
  makefile({}, [passing(3), passing(4)]);

  expect(ciRun()).toMatchObject({ status: 0, last: '11 passed, 0 failed' });
});

test('a failing check is named, counts as one, and does not keep the tests from running', () => {
  makefile({ types: 2 }, [passing(3)]);

  const { status, last, stdout } = ciRun();

  expect({ status, last }).toEqual({ status: 1, last: '6 passed, 1 failed' });
  expect(stdout).toContain('failed: types');
});

test('failed tests count as they are, skipped ones not at all', () => {
  const mixed = ['passed', 'failed', 'failed', 'skipped'].map((status) => ({ status }));
  makefile({ test: 1 }, [{ status: 'failed', assertionResults: mixed }, passing(1)]);

  expect(ciRun()).toMatchObject({ status: 1, last: '6 passed, 2 failed' });
});

test('a test file that cannot be loaded is one failure', () => {
  makefile({ test: 1 }, [passing(1), { status: 'failed', assertionResults: [] }]);

  expect(ciRun()).toMatchObject({ status: 1, last: '5 passed, 1 failed' });
});

test('a test run that fails though every test passed is one failure', () => {
  makefile({ test: 1 }, [passing(2)]);

  expect(ciRun()).toMatchObject({ status: 1, last: '6 passed, 1 failed' });
});

test.each([{ chaos: 1 }, { fleet: 1 }])('a promise that chaos breaks is one failure: %j', (codes) => {
  makefile(codes, [passing(2)]);

  expect(ciRun()).toMatchObject({ status: 1, last: '5 passed, 1 failed' });
});

test('a test run without a report is a failure', () => {
  makefile({ test: 1 });

  expect(ciRun()).toMatchObject({ status: 1, last: '2 passed, 1 failed' });
});

test('an installation that fails still ends with the line', () => {
  installScript('exit 3');
  makefile({}, [passing(3)]);

  expect(ciRun()).toMatchObject({ status: 1, last: '0 passed, 1 failed' });
});
