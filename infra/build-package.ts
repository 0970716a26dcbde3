// What npm installs: JavaScript, because Node strips no types below node_modules. "npm pack" runs it before and after (prepack, postpack).
//
//   node infra/build-package.ts         writes dist/, the same tree with each .ts as .js, and npm-shrinkwrap.json, by which who installs
//                                       the package gets the very packages that were tested
//   node infra/build-package.ts clean   removes both

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { versionOf } from '../src/cli/version.ts';

const TOP = join(import.meta.dirname, '..');
const DIST = join(TOP, 'dist');
const SHRINKWRAP = join(TOP, 'npm-shrinkwrap.json');
/** The console's modules go to browsers; who serves them strips them. */
const CONSOLE = /^src\/web\/console\//;
const SHIPPED = ['.css', '.html', '.js', '.png', '.svg', '.ts', '.yaml'];

rmSync(DIST, { recursive: true, force: true });
rmSync(SHRINKWRAP, { force: true });
if (process.argv[2] !== 'clean') build();

function build(): void {
  for (const directory of ['bin', 'workers', 'src']) {
    const names = readdirSync(join(TOP, directory), { recursive: true, encoding: 'utf8' });
    for (const path of names.map((name) => join(directory, name))) {
      if (!SHIPPED.includes(extname(path))) continue;
      if (!CONSOLE.test(path) && ['.ts', '.js'].includes(extname(path)))
        place(path.replace(/\.ts$/, '.js'), asJavaScript(path));
      else place(path, readFileSync(join(TOP, path)));
    }
  }
  const { name, version, license } = json('package.json') as Record<string, unknown>;
  place('package.json', `${JSON.stringify({ name, version, license, type: 'module' }, null, 2)}\n`);
  const { commit } = versionOf();
  if (commit !== null) place('REVISION', `${commit}\n`);
  writeFileSync(SHRINKWRAP, `${JSON.stringify(shrinkwrap(), null, 2)}\n`);
}

function place(path: string, content: string | Buffer): void {
  const to = join(DIST, path);
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, content, {
    mode: path.startsWith('bin/') || path.startsWith('workers/') ? 0o755 : 0o644,
  });
}

/** A file without its types, and with the names that the others have in the package. */
function asJavaScript(path: string): string {
  const text = readFileSync(join(TOP, path), 'utf8');
  const bare = extname(path) === '.ts' ? stripTypeScriptTypes(text, { mode: 'strip' }) : text;
  return bare.replaceAll(/'((?:\.{1,2}\/)*[\w-][\w./-]*)\.ts'/g, "'$1.js'").replaceAll(/[ \t]+$/gm, '');
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devDependencies?: object }>>;
}

/** The lock without what only the development needs. */
function shrinkwrap(): object {
  const lock = json('package-lock.json') as Lock;
  const { '': top, ...packages } = lock.packages;
  const { devDependencies: _dev, ...root } = top ?? {};
  const used = Object.fromEntries(Object.entries(packages).filter(([, { dev }]) => dev !== true));
  return { ...lock, packages: { '': root, ...used } };
}

function json(name: string): unknown {
  return JSON.parse(readFileSync(join(TOP, name), 'utf8'));
}
