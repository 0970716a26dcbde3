import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROLES } from '../../../../src/domain/role-names.ts';
import { processesFor } from '../../../../src/process/up/processes.ts';

test('few: control has what mostly waits, extract and upload are alone; each: every role is', () => {
  const few = processesFor(ROLES, 'few').map(({ name, roles }) => [name, roles]);
  expect(few).toEqual([
    ['control', ['watch', 'maintain', 'dashboard']],
    ['extract', ['extract']],
    ['upload', ['upload']],
  ]);
  expect(processesFor(ROLES, 'each').map(({ roles }) => roles)).toEqual(ROLES.map((role) => [role]));
});

test('a host that only keeps databases has one process', () => {
  expect(processesFor(['maintain', 'dashboard'], 'few').map(({ roles }) => roles)).toEqual([
    ['maintain', 'dashboard'],
  ]);
});

test('every role runs once, by an entry point that is there', () => {
  for (const processes of ['few', 'each'] as const) {
    const all = processesFor(ROLES, processes);
    expect(all.flatMap(({ roles }) => roles).toSorted()).toEqual(ROLES.toSorted());
    for (const { entry } of all) expect(existsSync(`workers/${entry}`), entry).toBe(true);
  }
});
