import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { findPackageJSON, stripTypeScriptTypes } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveOffLoop } from '../../platform/runtime/index.ts';
import { oneModule } from './one-module.ts';

// Makes of the console's sources what a browser takes. In a thread: the type stripper would hold up the event loop for a quarter of a
// second, and what it allocates goes with the thread.

/** A file of the console as a browser takes it. */
export interface Asset {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

export interface BuiltAssets {
  /** Of everything that is served: a changed file gets another address. */
  readonly version: string;
  readonly assets: readonly Asset[];
}

/** What the console imports by name, and the file of its package that a browser takes. */
export const MODULES: Readonly<Record<string, readonly [owner: string, file: string]>> = {
  preact: ['preact', 'dist/preact.mjs'],
  'preact/hooks': ['preact', 'hooks/dist/hooks.mjs'],
  '@preact/signals': ['@preact/signals', 'dist/signals.module.js'],
  '@preact/signals-core': ['@preact/signals-core', 'dist/signals-core.module.js'],
  htm: ['htm', 'dist/htm.module.js'],
  uplot: ['uplot', 'dist/uPlot.esm.js'],
};

/** The console's files are `.ts` in the npm package too, where every other quoted name of one becomes `.js`: so the end stands apart. */
const SOURCE = '.ts';
const MAIN = `main${SOURCE}`;
/** It hears keys before the others are there. */
const FIRST = `find-key${SOURCE}`;

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

serveOffLoop(() => {
  // of this thread only: Node says of its stripper that it is experimental, on the stderr of the role
  process.removeAllListeners('warning');
  return Promise.resolve(buildAssets());
});

/** Reads and strips everything. */
function buildAssets(): BuiltAssets {
  const sources = [...ownFiles(), ...modules(), uplotStyle()];
  const hash = createHash('sha256');
  for (const { name, text } of sources) hash.update(`${name}\0${text}\0`);
  return {
    version: hash.digest('base64url').slice(0, 12),
    assets: sources.map(({ name, text }) => asset(name, text)),
  };
}

interface Source {
  readonly name: string;
  readonly text: string;
}

/** The style, all of the console's modules as one, and the one that runs before it. */
function ownFiles(): Source[] {
  const root = fileURLToPath(new URL('../console', import.meta.url));
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const modules = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => extname(path) === SOURCE)
    .toSorted()
    .map((path) => ({ path, text: withoutTypes(read(path)) }));
  return [
    { name: 'console/console.css', text: read('console.css') },
    { name: `console/${MAIN}`, text: oneModule(modules, MAIN, [FIRST]) },
    ...modules
      .filter(({ path }) => path === FIRST)
      .map(({ path, text }) => ({ name: `console/${path}`, text })),
  ];
}

function withoutTypes(text: string): string {
  // what is stripped leaves blanks, so that line and column stay; they are not needed here
  return stripTypeScriptTypes(text, { mode: 'strip' }).replaceAll(/[ \t]+$/gm, '');
}

function modules(): Source[] {
  return Object.entries(MODULES).map(([name, [owner, file]]) => ({
    name: moduleName(name),
    text: packaged(owner, file).replace(/^\/\/# sourceMappingURL=.*$/m, ''),
  }));
}

function uplotStyle(): Source {
  return { name: 'modules/uplot.css', text: packaged('uplot', 'dist/uPlot.min.css') };
}

function packaged(owner: string, file: string): string {
  const manifest = findPackageJSON(owner, import.meta.url);
  if (manifest === undefined) throw new Error(`the package ${owner} is not installed`);
  return readFileSync(join(dirname(manifest), file), 'utf8');
}

/** Under which name a module is served. */
export function moduleName(name: string): string {
  return `modules/${name.replaceAll('@', '').replaceAll('/', '-')}.js`;
}

function asset(name: string, text: string): Asset {
  return { name, type: TYPES[extname(name)] ?? 'application/octet-stream', text };
}
