import { expect, test } from 'vitest';
import { placesOf } from '../../../../src/maintenance/logrotate/places.ts';

const places = placesOf([
  { fd: 7, path: '/home/bob/logs' },
  { fd: 71, path: '/home/bob/logs/old' },
]);

test('paths in an open directory are said through it, and back', () => {
  const path = '/home/bob/logs/app.log';
  expect(places.inside(path)).toBe('/proc/self/fd/7/app.log');
  expect(places.outside(places.inside(path))).toBe(path);
  expect(places.inside('/home/bob/logs/old/app.log.1')).toBe('/proc/self/fd/71/app.log.1');
  expect(places.inside('/home/bob/logs/old')).toBe('/proc/self/fd/71');
  expect(places.inside('/elsewhere/app.log')).toBe('/elsewhere/app.log');
});

test('no descriptor reaches a message', () => {
  const said =
    "EACCES: permission denied, link '/proc/self/fd/7/a' -> '/proc/self/fd/71/b' /proc/self/fd/711";
  expect(places.outside(said)).toBe(
    "EACCES: permission denied, link '/home/bob/logs/a' -> '/home/bob/logs/old/b' /proc/self/fd/711",
  );
});
