import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { settingsSchemaText } from '../../../infra/settings-schema.ts';

const ROOT = join(import.meta.dirname, '../../..');
const text = readFileSync(join(ROOT, 'docs/settings.schema.json'), 'utf8');
const schema = z.fromJSONSchema(JSON.parse(text));

test('docs/settings.schema.json is what the settings are read by ("npm run settings-schema" writes it)', async () => {
  expect(text === (await settingsSchemaText())).toBe(true);
});

test('every default and every example is what an editor takes', () => {
  const examples = readdirSync(join(ROOT, 'infra/examples')).filter((name) => name.endsWith('.yaml'));
  expect(examples.length).toBeGreaterThan(4);
  for (const file of [
    'src/platform/config/defaults.yaml',
    ...examples.map((name) => `infra/examples/${name}`),
  ])
    expect(
      schema.safeParse(parse(readFileSync(join(ROOT, file), 'utf8'))).error?.issues,
      file,
    ).toBeUndefined();
});

test.each([
  ['a misspelt name', { upload: { concurency: 4 } }],
  ['a duration without its unit', { cleanup: { extracted: 30 } }],
  ['a word that is none', { arrival: { order: 'latest' } }],
  ['a number out of its bounds', { http: { port: 70_000 } }],
  ['an entry without its name', { mirrors: [{ source: '/a', dir: '/b', cron: '0 3 * * *' }] }],
])('an editor marks %s', (_, settings) => {
  expect(schema.safeParse(settings).success).toBe(false);
});

test.each([
  ['a value of the environment', { http: { port: '${PORT:-3000}' }, cleanup: { incoming: '${KEEP}' } }],
  ['what is absent', { arrival: { doneMarker: null } }],
  ['a relative path', { paths: { data: './data', incoming: '<data>/in' } }],
  [
    'a size in bytes and one with its unit',
    { upload: { multipartBytes: 5_242_880, bytesPerSecond: '2MiB' } },
  ],
  ['a timetable', { upload: { bytesPerSecond: { '08:00': '2MiB', '19:00': null } } }],
])('an editor takes %s', (_, settings) => {
  expect(schema.safeParse(settings).error?.issues).toBeUndefined();
});

test('every setting is explained', () => {
  const counts = { said: 0, unsaid: [] as string[] };
  const walk = (node: Record<string, unknown>, path: string): void => {
    if (typeof node['properties'] === 'object' && node['properties'] !== null)
      for (const [name, below] of Object.entries(node['properties']))
        walk(below, path === '' ? name : `${path}.${name}`);
    else if (typeof node['items'] === 'object' && node['items'] !== null && 'properties' in node['items'])
      walk(node['items'], `${path}[]`);
    else if (typeof node['description'] === 'string') counts.said += 1;
    else counts.unsaid.push(path);
  };
  walk(JSON.parse(text), '');
  expect(counts.said).toBeGreaterThan(60);
  expect(counts.unsaid).toEqual([]);
});
