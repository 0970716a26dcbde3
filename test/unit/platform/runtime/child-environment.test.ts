import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnvironment } from '../../../../src/platform/runtime/index.ts';

const SRC = join(import.meta.dirname, '../../../../src');

test('a program gets what is known to be harmless, and nothing that is not known', () => {
  const harmless = { PATH: '/usr/bin', HOME: '/root', LC_ALL: 'C', TZ: 'UTC', TMPDIR: '/tmp' };
  const secret = {
    S3_SECRET_ACCESS_KEY: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    WAVSPOOL_TOKEN: 'c',
    REDIS_URL: 'redis://:d@h',
    PGPASSWORD: 'e',
    MY_OWN_NAME_FOR_IT: 'f',
    PATH_TO_KEY: 'g',
  };
  expect(childEnvironment({ ...secret, ...harmless })).toEqual(harmless);
});

test('every place that starts a program says what environment it gets', () => {
  const starts = globSync('**/*.ts', { cwd: SRC }).flatMap((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    const from = /from 'node:child_process'/.test(text) ? text : '';
    return [...from.matchAll(/\b(?:spawn|spawnSync|fork|exec|execFile|execFileSync|execSync)\(/g)].map(
      ({ index }) => ({
        file,
        call: argumentsAt(from, index),
      }),
    );
  });
  expect(starts.length).toBeGreaterThanOrEqual(6);
  expect(starts.filter(({ call }) => !/\benv\b/.test(call))).toEqual([]);
});

/** The text from a call's name to the parenthesis that closes it. */
function argumentsAt(text: string, index: number): string {
  let depth = 0;
  for (let at = text.indexOf('(', index); at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return text.slice(index, at);
  }
  return text.slice(index);
}
