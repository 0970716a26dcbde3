import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible, visibleJson, visibleLines } from '../../../src/cli/visible.ts';

test('no text has a terminal do anything', () => {
  const obeyed = /[\p{Cc}\u202A-\u202E\u2066-\u2069]/u;
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = visibleJson(JSON.stringify([text]));
      const lines = visibleLines(text).replaceAll('\n', '');
      for (const shown of [visible(text), lines, json]) expect(obeyed.test(shown)).toBe(false);
      expect(JSON.parse(json)).toEqual([text]);
    }),
  );
});
