import { RE2JS } from 're2js';

// `**/` is any directories or none, `**` anything, `*` and `?` stay within a name, `[a-z]` and `[!a-z]` are one character, `{a,b}` is
// one of them, a backslash takes the next character as it is.
const TOKEN = /\*\*\/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|[{},]|\\[^]|[^]/gu;

const SOURCES: ReadonlyMap<string, string> = new Map([
  ['**/', '(?:.*/)?'],
  ['**', '.*'],
  ['*', '[^/]*'],
  ['?', '[^/]'],
  ['{', '(?:'],
]);

/** The RE2 syntax of a glob, without anchors. */
export function globSource(glob: string): string {
  let depth = 0;
  let source = '';
  for (const [token] of glob.matchAll(TOKEN)) {
    if (token === '{') depth += 1;
    source += sourceOf(token, depth);
    if (token === '}' && depth > 0) depth -= 1;
  }
  return source + ')'.repeat(depth);
}

function sourceOf(token: string, depth: number): string {
  const known = SOURCES.get(token);
  if (known !== undefined) return known;
  if (token === '}' && depth > 0) return ')';
  if (token === ',' && depth > 0) return '|';
  if (token.length > 1 && token.startsWith('[')) return classOf(token.slice(1, -1));
  return RE2JS.quote(token.length > 1 && token.startsWith('\\') ? token.slice(1) : token);
}

function classOf(members: string): string {
  const isNegated = /^[!^]/.test(members);
  const listed = (isNegated ? members.slice(1) : members).replaceAll(/[\\[\]^&~]/g, String.raw`\$&`);
  return isNegated ? `[^/${listed}]` : `[${listed}]`;
}
