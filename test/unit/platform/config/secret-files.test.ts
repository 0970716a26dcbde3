import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { withSecretFiles } from '../../../../src/platform/config/secret-files.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-secrets-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test('a name that is not set, or empty, is what stands in the file that NAME_FILE names', () => {
  const SECRET_FILE = file('secret', 'a b$\n');
  const text = 'x: ${SECRET}';
  expect(withSecretFiles({ SECRET_FILE }, [text])).toEqual({
    env: { SECRET_FILE, SECRET: 'a b$' },
    problems: [],
  });
  expect(withSecretFiles({ SECRET_FILE, SECRET: '' }, [text]).env['SECRET']).toBe('a b$');
  expect(withSecretFiles({ SECRET_FILE: file('two', 'one\ntwo\r\n') }, [text]).env['SECRET']).toBe(
    'one\ntwo',
  );
});

test('P9: both at once, and a file that cannot be read, are faults that tell no secret', () => {
  const SECRET_FILE = file('secret', 'hidden');
  const both = withSecretFiles({ SECRET_FILE, SECRET: 'shown' }, ['x: ${SECRET}']);
  expect(both.problems).toEqual(['SECRET and SECRET_FILE are both set in the environment; set one of them']);
  const gone = withSecretFiles({ SECRET_FILE: join(directory, 'none') }, ['x: ${SECRET:-y}']);
  expect(gone.problems).toEqual([
    expect.stringMatching(/^SECRET_FILE names a file that cannot be read: ENOENT/),
  ]);
});

test('a file of a name that no text uses is not read', () => {
  expect(withSecretFiles({ OTHER_FILE: '/nowhere' }, ['x: ${SECRET}']).problems).toEqual([]);
});

test('settings take secrets from files, mask them, and say every file that is missing', () => {
  const configFile = file('wavspool.yaml', 's3: { accessKeyId: "${KEY}", secretAccessKey: "${SECRET}" }');
  const env = { KEY_FILE: file('key', 'id\n'), SECRET_FILE: file('secret', 'hidden\n') };
  const { settings } = loadSettings({ configFile, env });
  expect(settings.s3.secretAccessKey?.reveal()).toBe('hidden');
  expect(String(settings.s3.secretAccessKey)).not.toContain('hidden');
  const load = (): unknown =>
    loadSettings({ configFile, env: { KEY_FILE: '/none/a', SECRET_FILE: '/none/b' } });
  expect(load).toThrow(/KEY_FILE names a file[^]*SECRET_FILE names a file/);
});
