import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendLines } from '../../../../src/platform/log/append-lines.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wavspool-lines-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** How many descriptors lead below the test's directory; others' tests open and close their own meanwhile. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${root}/`);
    } catch {
      return false; // the one that the list was read by
    }
  }).length;
}

function lines(file: string) {
  const told: string[] = [];
  return { told, ...appendLines(file, (trouble) => void told.push(trouble)) };
}

test('lines are appended, and a file that was renamed is begun anew', () => {
  const file = join(root, 'logs', 'a.log');
  const log = lines(file);
  log.write('1\n');
  renameSync(file, `${file}.1`);
  log.write('2\n');
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('1\n');
  expect(readFileSync(file, 'utf8')).toBe('2\n');
  log.close();
  expect(log.told).toEqual([]);
});

test('while its directory is gone lines go where they went before; that is told once, and no descriptor is lost over it', () => {
  const directory = join(root, 'logs');
  const file = join(directory, 'a.log');
  const log = lines(file);
  log.write('1\n');
  renameSync(directory, `${directory}.away`);
  for (let line = 2; line < 50; line += 1) log.write(`${line}\n`);
  expect(descriptors()).toBe(1);
  expect(log.told).toHaveLength(1);
  mkdirSync(directory);
  log.write('50\n');
  expect(descriptors()).toBe(1);
  expect(readFileSync(join(`${directory}.away`, 'a.log'), 'utf8').split('\n')).toHaveLength(50);
  expect(readFileSync(file, 'utf8')).toBe('50\n');
  log.close();
});

test('a log that cannot be opened is opened as soon as it can, whatever was in the way', () => {
  const directory = join(root, 'logs');
  writeFileSync(directory, 'a file'); // root may write anywhere else
  const log = lines(join(directory, 'a.log'));
  log.write('lost\n');
  log.write('lost\n');
  expect(log.told).toHaveLength(1);
  rmSync(directory);
  log.write('1\n');
  expect(readFileSync(join(directory, 'a.log'), 'utf8')).toBe('1\n');
  log.close();
});
