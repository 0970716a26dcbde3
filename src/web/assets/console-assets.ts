import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { offLoop } from '../../platform/runtime/index.ts';
import { MODULES, moduleName, type Asset, type BuiltAssets } from './build-thread.ts';

/** What the console consists of, ready to be sent. */
export interface ConsoleAssets {
  /** Where the files lie: `/assets/<version>/` below `http.basePath`. */
  readonly base: string;
  /** The page; `fill` is put into its one element as `data-…`. */
  page(fill: Readonly<Record<string, string>>): string;
  /** Its policy: nothing runs but what this server sends, and no style or script that stands in the page but its import map. */
  readonly policy: string;
  /** A file in the first of these encodings that there is; undefined for one that is not part of this version. */
  file(version: string, name: string, accepted: readonly string[]): Promise<SentAsset> | undefined;
}

export interface SentAsset {
  readonly type: string;
  /** Undefined: as it is. */
  readonly encoding: Encoding | undefined;
  readonly body: Buffer;
}

type Encoding = keyof typeof COMPRESSORS;

const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
const COMPRESSORS = {
  br: (text: string) => promisify(brotliCompress)(text, BROTLI),
  gzip: (text: string) => promisify(gzip)(text, { level: 9 }),
} as const;

/** Makes the console's files, in a thread; `prefix` stands before each address of ours. Throws UNKNOWN when a source cannot be read or stripped. */
export async function buildConsole(prefix: string): Promise<ConsoleAssets> {
  const thread = new URL('build-thread.ts', import.meta.url);
  const { version, assets } = await offLoop<BuiltAssets>(thread, {}, new AbortController().signal);
  const base = `${prefix}/assets/${version}/`;
  const sent = createSender();
  const byName = new Map(assets.map((asset) => [asset.name, asset]));
  const imports = Object.fromEntries(
    Object.keys(MODULES).map((name) => [name, `${base}${moduleName(name)}`]),
  );
  const importMap = JSON.stringify({ imports });
  const hash = createHash('sha256').update(importMap).digest('base64');
  const modules = assets.filter(({ type }) => type.startsWith('text/javascript')).map(({ name }) => name);
  const head = headOf(
    base,
    importMap,
    modules.filter((name) => !isLater(name)),
  );
  return {
    base,
    page: (fill) => pageOf(head, fill),
    policy: [
      "default-src 'none'",
      `script-src 'self' 'sha256-${hash}'`,
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "media-src 'self' blob:",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    file: (wanted, name, accepted) => {
      const asset = wanted === version ? byName.get(name) : undefined;
      return asset === undefined ? undefined : sent(asset, accepted);
    },
  };
}

/** Compresses each file once in each encoding, when it is first asked for; that is done beside the event loop. */
function createSender(): (asset: Asset, accepted: readonly string[]) => Promise<SentAsset> {
  const made = new Map<string, Promise<Buffer>>();
  return async ({ name, type, text }, accepted) => {
    const encoding = (['br', 'gzip'] as const).find((one) => accepted.includes(one));
    const key = `${encoding} ${name}`;
    const body =
      made.get(key) ??
      (encoding === undefined ? Promise.resolve(Buffer.from(text)) : COMPRESSORS[encoding](text));
    made.set(key, body);
    return { type, encoding, body: await body };
  };
}

/** Charts are drawn after the page is there. */
function isLater(name: string): boolean {
  return name === 'modules/uplot.js';
}

function headOf(base: string, importMap: string, modules: readonly string[]): string {
  return [
    '<meta charset="utf-8" />',
    '<meta name="viewport" content="width=device-width, initial-scale=1" />',
    '<meta name="color-scheme" content="light dark" />',
    '<title>wavspool</title>',
    '<link rel="icon" href="data:," />',
    `<link rel="stylesheet" href="${base}console/console.css" />`,
    `<script type="importmap">${importMap}</script>`,
    `<script type="module" async src="${base}console/find-key.ts"></script>`, // runs as soon as it is there
    ...modules.map((name) => `<link rel="modulepreload" href="${base}${name}" />`),
    `<script type="module" src="${base}console/main.ts"></script>`,
  ].join('\n    ');
}

function pageOf(head: string, fill: Readonly<Record<string, string>>): string {
  const data = Object.entries(fill)
    .map(([name, value]) => ` data-${name}="${escaped(value)}"`)
    .join('');
  return `<!doctype html>
<html lang="en">
  <head>
    ${head}
  </head>
  <body>
    <div id="console"${data}><noscript>The console needs JavaScript. "wavspool status" tells the same.</noscript></div>
  </body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
