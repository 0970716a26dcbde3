import { expect, test } from 'vitest';
import { dataBeside } from '../../../src/cli/first-settings.ts';

test.each([
  ['/etc/wavspool/wavspool.yaml', '/var/lib/wavspool'],
  ['/home/pbx/wavspool.yaml', './data'],
  ['/etcetera/wavspool.yaml', './data'],
])('the data of %s lies in %s unless told otherwise', (file, data) => {
  expect(dataBeside(file)).toBe(data);
});
