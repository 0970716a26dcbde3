import { expect, test } from 'vitest';
import { prefixOf, withoutPrefix } from '../../../src/web/base-path.ts';

test.each([
  ['/', ''],
  ['/wavspool', '/wavspool'],
  ['/wavspool/', '/wavspool'],
  ['/tools/wavspool', '/tools/wavspool'],
])('%s is the prefix %j', (path, prefix) => expect(prefixOf(path)).toBe(prefix));

test.each([
  ['/w/api/status?x=/w', '/api/status?x=/w'],
  ['/w', '/'],
  ['/w/', '/'],
  ['/w?token=t', '/?token=t'],
  ['/api/status', '/api/status'],
  ['/wider/api', '/wider/api'],
  ['/w//api', '//api'],
])('%s below /w is %s', (url, own) => expect(withoutPrefix(url, '/w')).toBe(own));

test('without a path of its own every address stays as it is', () =>
  expect(withoutPrefix('/w/api', '')).toBe('/w/api'));
