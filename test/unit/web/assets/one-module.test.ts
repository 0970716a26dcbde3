import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { oneModule } from '../../../../src/web/assets/one-module.ts';

const main = (text: string) => ({ path: 'main.ts', text });

test('modules keep their own names, are run once, and before who imports them', () => {
  const modules = [
    main(
      "import { told as heard } from './live/a.ts';\nimport {\n  Later,\n  count,\n} from './b.ts';\nheard.push(count(), new Later().name, typeof told);",
    ),
    {
      path: 'live/a.ts',
      text: "import { count } from '../b.ts';\nconst secret = 'a';\nexport const told = log;\ntold.push(secret, count());",
    },
    {
      path: 'b.ts',
      text: "let secret = 0;\nexport function count() {\n  return (secret += 1);\n}\nexport class Later {\n  name = 'later';\n}\nlog.push('b');",
    },
    { path: 'unused.ts', text: "log.push('never');" },
  ];
  const log: unknown[] = [];
  runInNewContext(oneModule(modules, 'main.ts', []), { log });
  expect(log).toEqual(['b', 'a', 1, 2, 'later', 'undefined']);
});

test('what lies apart, or has a bare name, stays an import, once', () => {
  const modules = [
    main(
      "import htm from 'htm';\nimport { h } from 'preact';\nimport { a } from './screens/a.ts';\nh(htm, a);",
    ),
    {
      path: 'screens/a.ts',
      text: "import { h } from 'preact';\nimport { key } from '../key.ts';\nexport const a = h(key);",
    },
    { path: 'key.ts', text: 'export const key = 1;' },
  ];
  const text = oneModule(modules, 'main.ts', ['key.ts']);
  expect(text.match(/^import .*/gm)).toEqual([
    "import * as outside0 from 'htm';",
    "import * as outside1 from 'preact';",
    "import * as outside2 from './key.ts';",
  ]);
  expect(text).toContain('const { default: htm } = outside0;');
  expect(text).not.toContain('key = 1');
});

test.each([
  ["import * as all from './b.ts';", /import \* as all/],
  ["export { a } from './b.ts';", /export \{ a \}/],
  ['export default 1;', /export default 1/],
  ['export let a = 1;', /export let/],
  ["import { a } from './absent.ts';", /absent\.ts is imported/],
])('%s is refused and not left as it is', (text, why) => {
  expect(() => oneModule([main(text)], 'main.ts', [])).toThrow(why);
});

test('an import when it is needed stays as it is', () => {
  expect(oneModule([main("const { default: U } = await import('uplot');")], 'main.ts', [])).toContain(
    "import('uplot')",
  );
});
