import { expect, test } from 'vitest';
import { chooseWorker } from '../../../../src/platform/linux/index.ts';

const ROOT = { uid: 0, gid: 0, mode: 0o755 };
const BOB = { uid: 1001, gid: 1001, mode: 0o755 };
const SHARED = { uid: 0, gid: 1002, mode: 0o2775 };

test.each([
  ['root itself, where only root may write', { steps: [ROOT, ROOT], directory: ROOT, file: BOB }, undefined],
  [
    'the owner of the directory',
    { steps: [ROOT, BOB], directory: BOB, file: undefined },
    { uid: 1001, gid: 1001 },
  ],
  [
    'in the group of his file',
    { steps: [ROOT, BOB], directory: BOB, file: { uid: 1001, gid: 7 } },
    { uid: 1001, gid: 7 },
  ],
  [
    'not in the group of another one’s file',
    { steps: [ROOT, BOB], directory: BOB, file: { uid: 0, gid: 0 } },
    { uid: 1001, gid: 1001 },
  ],
  [
    'the owner of the file in a directory of a group',
    { steps: [ROOT, SHARED], directory: SHARED, file: BOB },
    { uid: 1001, gid: 1001 },
  ],
  [
    'a container’s user below another user’s home',
    { steps: [ROOT, BOB, { ...BOB, uid: 999 }], directory: { uid: 999, gid: 9 }, file: undefined },
    { uid: 999, gid: 9 },
  ],
  [
    'the one user who can have put the link',
    { steps: [ROOT, BOB, ROOT], directory: undefined, file: undefined },
    { uid: 1001, gid: 1001 },
  ],
])('the work is done by %s', (_who, way, expected) => {
  expect(chooseWorker('/x/file', way)).toEqual(expected);
});

test.each([
  [
    'a file of root’s in a directory of a group',
    { steps: [ROOT, SHARED], directory: SHARED, file: { uid: 0, gid: 0 } },
  ],
  ['nothing in a directory of a group', { steps: [ROOT, SHARED], directory: SHARED, file: undefined }],
  [
    'a directory of root’s in one of another user',
    { steps: [ROOT, BOB, ROOT], directory: ROOT, file: undefined },
  ],
  [
    'a link that any member of a group can have put',
    { steps: [ROOT, SHARED], directory: undefined, file: undefined },
  ],
])('no user does it where there is %s', (_what, way) => {
  expect(() => chooseWorker('/x/file', way)).toThrow(/root's/);
});
