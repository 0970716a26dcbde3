import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { KEYS } from '../../../../src/platform/config/keys.ts';
import { loadSettings, SettingsError, showSettings } from '../../../../src/platform/config/index.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directoryWith } from '../../../unit/platform/config/place-settings.ts';

const names = [...new Set([...KEYS.keys()].flatMap((key) => key.split(/\.|\[\]/)))].filter(
  (name) => name !== '',
);

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      7,
      1.5,
      '',
      'a',
      '5m',
      '1MiB',
      '0 2 * * *',
      '${X}',
      'a${X}',
      '${X',
      'keep',
      '/a',
      '__proto__',
    ),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), tie('value'), { maxKeys: 4 }),
  ),
}));

test('whatever a settings file holds, it is valid and can be shown, or its faults are told', () => {
  const cwd = directoryWith({});
  const attempt = (text: string): string => {
    writeFileSync(join(cwd, 'wavspool.yaml'), text);
    try {
      return showSettings(loadSettings({ cwd, env: { X: 'x' } })).length > 0 ? 'valid' : 'empty';
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      return error.faults.every((fault) => !fault.message.includes('\n'))
        ? 'faults'
        : 'a fault of several lines';
    }
  };
  const settings = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 });
  fc.assert(
    fc.property(settings, (written) => ['valid', 'faults'].includes(attempt(stringify(written)))),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => ['valid', 'faults'].includes(attempt(text))),
    { numRuns: 200 },
  );
  expect(attempt('{}')).toBe('valid');
});
