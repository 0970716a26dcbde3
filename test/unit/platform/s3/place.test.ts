import { expect, test } from 'vitest';
import { keyAt } from '../../../../src/platform/s3/place.ts';

test.each([
  ['s3://recordings/crm/2025/a.wav', 'crm/2025/a.wav'],
  ['s3://recordings/ a\nb', ' a\nb'],
  ['s3://other/crm/a.wav', 's3://other/crm/a.wav'],
  ['s3://recordings/', 's3://recordings/'],
  ['s3://recordings', 's3://recordings'],
  ['crm/s3://recordings/a.wav', 'crm/s3://recordings/a.wav'],
  ['/var/lib/a.wav', '/var/lib/a.wav'],
])('%j names the key %j', (text, key) => {
  expect(keyAt(text, { bucket: 'recordings' })).toBe(key);
});
