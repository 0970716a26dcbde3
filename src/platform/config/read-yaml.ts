import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Scalar } from 'yaml';
import { pathText } from './tree.ts';
import { PLACEHOLDERS } from './values.ts';
import type { MapNode, Path, SettingsNode } from './tree.ts';

/** Something that keeps a text from being read as settings. */
export interface ReadFault {
  readonly path: string;
  readonly line: number | undefined;
  readonly problem: string;
}

export type ReadResult =
  | { readonly kind: 'read'; readonly root: MapNode }
  | { readonly kind: 'refused'; readonly faults: readonly ReadFault[] };

/** Aliases may make a few lines into billions of values: what a file may grow to, and how deep it may nest. */
const MAX_VALUES = 50_000;
const MAX_DEPTH = 32;

/**
 * `{ token: ${NAME} }` and `{ file: a_{YYYYMMDD}.db }` are no YAML, for braces end a plain value there, yet they are what
 * one writes. So the braces of references and placeholders are swapped for characters that mean nothing to YAML while it
 * is parsed, one for one to keep positions.
 */
const OPEN = '\uFDD0';
const CLOSE = '\uFDD1';
const SHIELDS = new RegExp(`[${OPEN}${CLOSE}]`);
const REFERENCE = String.raw`(?<=\$)\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}\n]*)?\}`;
const SHIELDED = new RegExp([REFERENCE, ...PLACEHOLDERS].join('|'), 'g');

function shield(text: string): string {
  return text.replace(SHIELDED, (whole) => `${OPEN}${whole.slice(1, -1)}${CLOSE}`);
}

function unshield(text: string): string {
  return text.replaceAll(OPEN, '{').replaceAll(CLOSE, '}');
}

/**
 * What the parser's codes mean to an operator. Its own messages are not shown, for some quote the text that they stumbled
 * over, and that may be a secret (P9).
 */
const PROBLEMS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands twice in its mapping',
  MULTIPLE_DOCS: 'the file holds more than one document ("---")',
  TAB_AS_INDENT: 'indented with a tab; YAML allows spaces only',
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BAD_SCALAR_START: 'a value that begins with "@" or "`" must be in quotes',
  BAD_DQ_ESCAPE: 'an unknown escape in double quotes; write "\\\\" for a backslash, or use single quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a value that holds ": " must be in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key without its ":", or a text that runs over several lines',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  UNEXPECTED_TOKEN: 'something does not fit here: look at brackets, quotes, commas and indentation',
  TAG_RESOLVE_FAILED: 'a value that begins with "!" must be in quotes',
  NON_STRING_KEY: 'a key must be a text',
  RESOURCE_EXHAUSTION: `nested deeper than ${MAX_DEPTH} levels`,
};

/**
 * Reads the text of a settings file, with the line of every key; `${NAME}` is still as written. Never throws: what is
 * wrong comes back as faults, none of which quotes a value.
 */
export function readYaml(text: string): ReadResult {
  if (SHIELDS.test(text)) return refused('it holds characters that no text has (U+FDD0, U+FDD1)');
  const lines = new LineCounter();
  // not 'silent': that would make it ignore a second document
  const document = parseDocument(shield(text), {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const syntax = [...document.errors, ...document.warnings]
    // where the parser stumbled once, it trips over what follows
    .filter((fault, index) => index === 0 || fault.code !== 'UNEXPECTED_TOKEN')
    .map((fault) => ({
      path: '',
      line: lines.linePos(fault.pos[0]).line,
      problem: PROBLEMS[fault.code] ?? `not valid YAML (${fault.code})`,
    }));
  const distinct = new Map(syntax.map((fault) => [`${fault.line} ${fault.problem}`, fault]));
  if (distinct.size > 0) return { kind: 'refused', faults: [...distinct.values()] };

  const { yaml } = document.directives ?? {};
  if (yaml?.explicit === true && yaml.version !== '1.2')
    return refused('%YAML must be 1.2: older ones read numbers otherwise');
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return refused('it is empty; write {} to run on the defaults');
  }
  return readDocument({ document, lines, faults: [], values: 0 });
}

function readDocument(reading: Reading): ReadResult {
  const root = readNode(reading, reading.document.contents, { line: 1, path: [] });
  if (reading.values > MAX_VALUES) return refused(`its aliases make it more than ${MAX_VALUES} values`);
  if (reading.faults.length > 0) return { kind: 'refused', faults: reading.faults };
  return root?.kind === 'map'
    ? { kind: 'read', root }
    : refused('not a mapping: it must hold keys like "site: main"');
}

interface Reading {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly faults: ReadFault[];
  values: number;
}

interface Place {
  readonly line: number;
  readonly path: Path;
}

function refused(problem: string): ReadResult {
  return { kind: 'refused', faults: [{ path: '', line: undefined, problem }] };
}

/** The node as settings, aliases followed; undefined when it was noted as a fault or the limits are passed. */
function readNode(reading: Reading, node: unknown, place: Place): SettingsNode | undefined {
  const { line, path } = place;
  reading.values += 1;
  if (reading.values > MAX_VALUES) return undefined;
  // also what ends an alias to the very list that holds it
  if (path.length > MAX_DEPTH) return note(reading, place, `nested deeper than ${MAX_DEPTH} levels`);
  if (isAlias(node)) {
    const target = node.resolve(reading.document);
    if (target !== undefined) return readNode(reading, target, place);
    return note(reading, place, 'a value that begins with "*" must be in quotes, or its &anchor is missing');
  }
  if (isMap(node)) return readMap(reading, node.items, place);
  if (isSeq(node)) {
    const entries = node.items.map((item, index) =>
      readNode(reading, item, { line: lineOf(reading, item, line), path: [...path, index] }),
    );
    return { kind: 'list', entries: entries.filter((entry) => entry !== undefined), line };
  }
  if (node === null) return { kind: 'scalar', value: null, line };
  return isScalar(node)
    ? readScalar(reading, node, place)
    : note(reading, place, 'neither a value, a list nor a mapping');
}

function readScalar(reading: Reading, node: Scalar, place: Place): SettingsNode | undefined {
  const { value } = node;
  if (value === null && node.anchor !== undefined) {
    return note(reading, place, 'a value that begins with "&" must be in quotes');
  }
  if (typeof value === 'string') return { kind: 'scalar', value: unshield(value), line: place.line };
  if (value === null || typeof value === 'number' || typeof value === 'boolean') {
    return { kind: 'scalar', value, line: place.line };
  }
  return note(reading, place, 'a kind of value that settings do not have');
}

function readMap(
  reading: Reading,
  items: readonly { key: unknown; value: unknown }[],
  place: Place,
): SettingsNode {
  const entries = new Map<string, SettingsNode>();
  for (const { key, value } of items) {
    const line = lineOf(reading, key, place.line);
    const name = isScalar(key) ? keyName(key.value) : undefined;
    if (name === undefined) {
      note(reading, { line, path: place.path }, 'a key must be a text');
      continue;
    }
    const at = { line, path: [...place.path, name] };
    if (entries.has(name)) note(reading, at, 'this key stands twice in its mapping');
    const entry = readNode(reading, value, at);
    if (entry !== undefined) entries.set(name, entry);
  }
  return { kind: 'map', entries, line: place.line };
}

function keyName(value: unknown): string | undefined {
  if (typeof value === 'string') return unshield(value);
  return typeof value === 'number' || typeof value === 'boolean' ? `${value}` : undefined;
}

function lineOf(reading: Reading, node: unknown, fallback: number): number {
  const start = isNode(node) ? node.range?.[0] : undefined;
  return start === undefined ? fallback : reading.lines.linePos(start).line;
}

function note(reading: Reading, place: Place, problem: string): undefined {
  reading.faults.push({ path: pathText(place.path), line: place.line, problem });
  return undefined;
}
