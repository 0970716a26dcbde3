import { expect, test } from 'vitest';
import { recordingKey, recordingKeys } from '../../../../src/ingest/upload/key.ts';

test.each([
  ['', '/x/2025/09/01/a.wav', '2025/09/01/a.wav'],
  ['crm/', '/x/a b/ü#+%.wav', 'crm/a b/ü#+%.wav'],
  ['', '/x/..a.wav', '..a.wav'],
])('prefix %j and %s make the key %s', (prefix, path, key) => {
  expect(recordingKey(prefix, '/x', path)).toBe(key);
});

test.each(['/y/a.wav', '/x', '/xa/b.wav', '/'])('%s is not below the extracted directory', (path) => {
  expect(() => recordingKey('', '/x', path)).toThrow(/is not below \/x/);
});

const SHA256 = 'a1b2c3d4e5f6'.padEnd(64, '0');
const LAYOUT = { site: 'main', prefix: 'crm/', incoming: '/in', extracted: '/x' };

test.each([
  [
    'a key that is taken is answered as a path that is taken',
    { path: '/x/2025/09/01/sub/a.wav', tar: '/in/2025/09/01/file1.tar', member: './sub/a.wav' },
    [
      ...['', 'file1/', 'file1/a1b2c3d4e5f6/', 'a1b2c3d4e5f6/'].map(
        (more) => `crm/2025/09/01/${more}sub/a.wav`,
      ),
      'crm/2025/09/01/sub/a1b2c3d4e5f6/main/a.wav',
    ],
  ],
  [
    'what was put below its tar’s name on disk begins there',
    { path: '/x/day/file1/a.wav', tar: '/in/day/file1.tar.gz', member: 'a.wav' },
    [
      'crm/day/file1/a.wav',
      'crm/day/file1/a1b2c3d4e5f6/a.wav',
      'crm/day/a1b2c3d4e5f6/a.wav',
      'crm/day/file1/a1b2c3d4e5f6/main/a.wav',
    ],
  ],
  [
    'a member in a directory of its tar’s name keeps it',
    { path: '/x/file1/a.wav', tar: '/in/file1.tar', member: 'file1/a.wav' },
    [
      'crm/file1/a.wav',
      'crm/file1/file1/a.wav',
      'crm/file1/a1b2c3d4e5f6/file1/a.wav',
      'crm/a1b2c3d4e5f6/file1/a.wav',
      'crm/file1/a1b2c3d4e5f6/main/a.wav',
    ],
  ],
  [
    'of a row that was taken over only the place is known',
    { path: '/x/day/a.wav', tar: undefined, member: undefined },
    ['', 'a1b2c3d4e5f6/', 'a1b2c3d4e5f6/main/'].map((more) => `crm/day/${more}a.wav`),
  ],
  [
    'a tar outside the landing directory names nothing',
    { path: '/x/day/a.wav', tar: '/elsewhere/file1.tar', member: 'a.wav' },
    ['', 'a1b2c3d4e5f6/', 'a1b2c3d4e5f6/main/'].map((more) => `crm/day/${more}a.wav`),
  ],
])('P5: %s', (_, row, keys) => {
  expect(recordingKeys(LAYOUT, row, SHA256)).toEqual(keys);
});
