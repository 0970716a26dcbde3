import { expect, test } from 'vitest';
import { WavspoolError } from '../../../../src/domain/faults.ts';
import { writeFault } from '../../../../src/platform/runtime/index.ts';

const said = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

test.each([
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['EACCES', 'FILE_UNREADABLE'],
  ['EROFS', 'FILE_UNREADABLE'],
])('what the system says, %s, is a fault of the file that could not be written', (errno, code) => {
  expect(writeFault('/a/b.tar cannot be written', said(errno))).toMatchObject({
    code,
    message: `/a/b.tar cannot be written: ${errno}: no`,
  });
});

test.each([
  new WavspoolError('USAGE', 'it is there already'),
  new Error('a bug'),
  said('ERR_INVALID_ARG_TYPE'),
  said('ABORT_ERR'),
])('%s stays as it is', (error) => {
  expect(writeFault('/a/b.tar cannot be written', error)).toBe(error);
});
