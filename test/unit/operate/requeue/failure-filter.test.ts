import { expect, test } from 'vitest';
import type { App } from '../../../../src/process/app.ts';
import { failureFilter, type FailureWords } from '../../../../src/operate/requeue/index.ts';

/** A site that knows one recording, one extracted and one failed tar, and a cause of another program's. */
const app = {
  settings: { paths: { incoming: '/in' } },
  ledger: {
    catalogue: { causes: () => Promise.resolve([{ cause: 'their own', recordings: 1 }]) },
    recordings: { get: (path: string) => Promise.resolve(path === '/out/a.wav' ? {} : undefined) },
    tars: {
      async *paths() {
        yield ['/in/crm/broken.tar'];
        yield ['/in/crm/2025/day-1.tar'];
      },
    },
  },
} as unknown as Pick<App, 'ledger' | 'settings'>;

test.each<[FailureWords]>([
  [{}],
  [{ cause: 'network' }],
  [{ cause: 'their own' }],
  [{ paths: ['/out/a.wav'] }],
  [{ tar: '*' }],
  [{ tar: 'broken.tar' }],
  [{ tar: 'crm/**' }],
  [{ tar: '/in/crm/2025/day-1.tar' }],
  [{ match: 'timed? out' }],
])('%j may match something', async (words) => {
  expect(await failureFilter(app, words)).toMatchObject({ cause: words.cause, paths: words.paths });
});

test.each<[FailureWords, RegExp]>([
  [{ cause: 'netwrok' }, /there is no cause "netwrok": did you mean network\?/],
  [{ cause: 'nonsense' }, /there is no cause "nonsense": there are .*network.*their own/],
  [{ cause: '' }, /there is no cause ""/],
  [{ paths: ['/out/a.wav', '/out/b.wav'] }, /there is no recording "\/out\/b.wav"/],
  [{ tar: 'day-2.tar' }, /no tar that is known fits "day-2.tar"; did you mean day-1.tar\?/],
  [{ tar: 'sales/**' }, /no tar that is known fits "sales\/\*\*"$/],
  [{ match: '(' }, /cannot be matched .*: write RE2 syntax, text:PART or glob:PATTERN/],
])('%j can match nothing', async (words, message) => {
  await expect(failureFilter(app, words)).rejects.toThrow(message);
});
