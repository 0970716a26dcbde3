import { expect, test } from 'vitest';
import { recordingKey } from '../../../src/upload/key.ts';

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
