import { posix } from 'node:path';

// Many modules in one file: the console's own are fifty, and a browser that fetches each of them over six connections takes as many turns as
// it has to. Not a bundler: it knows the forms of import and export that the linter leaves to the console, and refuses any other.

/** A module, its types stripped. */
export interface SourceModule {
  /** Its path, with which others import it. */
  readonly path: string;
  readonly text: string;
}

const IMPORT = /^import (?:\{([^}]*)\}|(\w+)) from '([^']+)';$/gm;
const EXPORT = /^export (?=(?:async )?(?:function|const|class) (\w+))/gm;

/**
 * All that `entry` imports of `modules`, and it itself, as one module in their place; what is imported by a bare name, or lies `apart`, stays
 * an import. Each is a function, so that no name of one meets another's. Throws Error for an import or export of another form.
 */
export function oneModule(modules: readonly SourceModule[], entry: string, apart: readonly string[]): string {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const outside = new Map<string, string>();
  const inside = new Map<string, string>();
  const parts: string[] = [];

  const nameOf = (from: string, by: string): { readonly name: string; readonly isOurs: boolean } => {
    const path = from.startsWith('.') ? posix.join(posix.dirname(by), from) : undefined;
    if (path !== undefined && !apart.includes(path)) return { name: add(path), isOurs: true };
    const address = path === undefined ? from : `./${posix.relative(posix.dirname(entry), path)}`;
    const known = outside.get(address) ?? `outside${outside.size}`;
    outside.set(address, known);
    return { name: known, isOurs: false };
  };
  const add = (path: string): string => {
    const known = inside.get(path);
    if (known !== undefined) return known;
    const module = byPath.get(path);
    if (module === undefined) throw new Error(`${path} is imported, and is no module of the console`);
    const imports: string[] = [];
    const body = module.text.replaceAll(IMPORT, (_whole, named?: string, byDefault?: string, from = '') => {
      const { name } = nameOf(from, path);
      imports.push(
        byDefault === undefined
          ? `const {${(named ?? '').replaceAll(/\s+as\s+/g, ': ')}} = ${name};`
          : `const { default: ${byDefault} } = ${name};`,
      );
      return '';
    });
    const exported = [...body.matchAll(EXPORT)].map(([, name]) => name);
    const plain = body.replaceAll(EXPORT, '');
    const odd = /^(?:import|export)\b(?!\().*/m.exec(plain);
    if (odd !== null) throw new Error(`${path} cannot be put into one module: ${odd[0]}`);
    const name = `inside${inside.size}`;
    inside.set(path, name);
    parts.push(
      `const ${name} = (() => { // ${path}\n${imports.join('\n')}${plain}\nreturn { ${exported.join(', ')} };\n})();\n`,
    );
    return name;
  };

  add(entry);
  const imports = [...outside].map(([address, name]) => `import * as ${name} from '${address}';\n`);
  return [...imports, ...parts].join('');
}
