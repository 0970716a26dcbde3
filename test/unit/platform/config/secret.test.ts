import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../../../src/platform/config/index.ts';

test('P9: a secret prints as *** in every way a text is made of it, and reveals itself only when asked', () => {
  const secret = new Secret('hunter2');
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    new Error(`no ${secret.toString()}`).message,
    ...Object.values(secret),
  ];
  expect(printed.join(' ')).toContain('***');
  expect(printed.join(' ')).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});
