import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { settingsSchema } from '../src/platform/config/schema.ts';

// docs/settings.schema.json, for editors: what the settings file may hold, from the schema that wavspool reads it by, with the words of
// docs/settings.md. It is as strict as a pattern can be; "wavspool config check" has the last word.
//   npm run settings-schema

type Json = Record<string, unknown>;

/** How a kind of value is written; it is another one once it was read. */
const WRITTEN: Readonly<Record<string, Json>> = {
  path: { type: 'string' },
  secret: { type: 'string' },
  duration: { type: 'string', pattern: String.raw`^(keep|uploaded|\d+(ms|s|m|h|d|w))$` },
  size: {
    anyOf: [{ type: 'string', pattern: String.raw`^\d+([KMGT]iB|B)?$` }, { type: 'integer' }],
  },
};
/** What the environment delivers is known only when the file is read. */
const FROM_ENVIRONMENT: Json = { type: 'string', pattern: String.raw`\$\{` };

/** The JSON Schema of the settings file; `described` gives what `path[].like.this` means. */
export function settingsJsonSchema(described: ReadonlyMap<string, string>): Json {
  const schema = z.toJSONSchema(settingsSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { kind } = z.globalRegistry.get(zodSchema) ?? {};
      const written = typeof kind === 'string' ? WRITTEN[kind] : undefined;
      // numbers may be written as text, so zod says nothing of what goes in: what comes out says more
      const isPrepared = zodSchema instanceof z.ZodPipe && zodSchema.in instanceof z.ZodTransform;
      const read = isPrepared && written === undefined ? z.toJSONSchema(zodSchema.out) : undefined;
      const instead = written ?? read;
      if (instead === undefined) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
      Object.assign(jsonSchema, instead);
      delete jsonSchema.$schema;
    },
  });
  return {
    ...asWritten(schema, '', false, described),
    title: 'The settings of wavspool',
  };
}

/** With defaults nothing is demanded, but of an entry of a list; any value may come from the environment, or be absent as null. */
function asWritten(node: Json, path: string, isEntry: boolean, described: ReadonlyMap<string, string>): Json {
  const { required, properties, items, ...rest } = node;
  const description = described.get(path);
  const own = { ...rest, ...(description !== undefined && { description }) };
  if (typeof properties === 'object' && properties !== null) {
    const type = path === '' || isEntry ? 'object' : ['object', 'null'];
    const entries = Object.entries(properties).map(([name, value]) => {
      const below = path === '' ? name : `${path}.${name}`;
      return [name, asWritten(value as Json, below, isEntry, described)];
    });
    return {
      ...own,
      type,
      properties: Object.fromEntries(entries),
      ...(isEntry && required !== undefined && { required }),
    };
  }
  if (typeof items === 'object' && items !== null)
    return { ...own, type: ['array', 'null'], items: asWritten(items as Json, `${path}[]`, true, described) };
  const { description: said, ...leaf } = portable(own);
  return {
    ...(said !== undefined && { description: said }),
    anyOf: [leaf, FROM_ENVIRONMENT, { type: 'null' }],
  };
}

/** Editors differ in whether they know Unicode's classes. */
function portable(leaf: Json): Json {
  const { pattern } = leaf;
  if (typeof pattern !== 'string') return leaf;
  const control = String.raw`\u0000-\u001f\u007f-\u009f`;
  const spelt = pattern
    .replaceAll(String.raw`\P{Cc}`, () => `[^${control}]`)
    .replaceAll(String.raw`\p{Cc}`, () => control);
  return { ...leaf, pattern: spelt };
}

/** What the tables of docs/settings.md say of each setting. */
export async function describedSettings(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(import.meta.dirname, '../docs/settings.md'), 'utf8');
  return new Map(
    [...text.matchAll(/^\| `([^`]+)`\s*\| (.*?)\s*\|/gm)].map(([, path = '', meaning = '']) => [
      path,
      meaning,
    ]),
  );
}

/** As the file holds it. */
export async function settingsSchemaText(): Promise<string> {
  return `${JSON.stringify(settingsJsonSchema(await describedSettings()), null, 2)}\n`;
}

if (import.meta.main) {
  await writeFile(join(import.meta.dirname, '../docs/settings.schema.json'), await settingsSchemaText());
}
