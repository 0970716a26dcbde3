import { isUtf8 } from 'node:buffer';
import { realLiteral } from './real.ts';

/** A value as it is read from a table: text comes as its bytes in the database's encoding, and `isText` tells it from a blob. */
export type Value = null | bigint | number | Buffer;

/** How a database stores text. */
export type Encoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

const HEX_BYTES = 512 * 1024;
/** The control characters but for tab, LF and CR. */
const UNPRINTABLE = /(?![\t\n\r])\p{Cc}/u;

/**
 * A value as SQL, in pieces, so that a large blob is never one long string. Text that sqlite3 would not take over as it stands
 * goes in another form: it ends a line at NUL and drops the CR of a CRLF, and a line that ends inside of a value makes it
 * read the statement again from its beginning.
 */
export function* literalOf(value: Value, isText: boolean, encoding: Encoding): Generator<string> {
  if (value === null) yield 'NULL';
  else if (typeof value === 'bigint') yield String(value);
  else if (typeof value === 'number') yield realLiteral(value);
  else if (!isText) yield* hexOf(value);
  else {
    const text = decoded(value, encoding);
    if (text === undefined || UNPRINTABLE.test(text)) {
      yield 'CAST(';
      yield* hexOf(value);
      yield ' AS TEXT)';
    } else yield onOneLine(text);
  }
}

function* hexOf(bytes: Buffer): Generator<string> {
  yield "X'";
  for (let at = 0; at < bytes.length; at += HEX_BYTES) yield bytes.toString('hex', at, at + HEX_BYTES);
  yield "'";
}

/** The text of these bytes; undefined when they are no text in that encoding. */
function decoded(bytes: Buffer, encoding: Encoding): string | undefined {
  if (encoding === 'UTF-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  if (bytes.length % 2 !== 0) return undefined;
  const text = (encoding === 'UTF-16le' ? bytes : Buffer.from(bytes).swap16()).toString('utf16le');
  return text.isWellFormed() ? text : undefined;
}

function onOneLine(text: string): string {
  const [unfed, feed] = without('\n', 'n', text.replaceAll("'", "''"));
  const [plain, carriageReturn] = without('\r', 'r', unfed);
  let literal = `'${plain}'`;
  for (const mark of [feed, carriageReturn]) if (mark !== undefined) literal = `replace(${literal},${mark})`;
  return literal;
}

/** `text` with a mark in the place of a character, and the arguments of the replace() that brings it back; none without need. */
function without(character: string, name: string, text: string): readonly [string, string | undefined] {
  if (!text.includes(character)) return [text, undefined];
  const mark = unusedMark(text, name);
  return [text.replaceAll(character, mark), `'${mark}',char(${character.charCodeAt(0)})`];
}

/** `\n`, else `\(n1)` and so on, whichever does not occur in the text. */
function unusedMark(text: string, name: string): string {
  for (let serial = 0; ; serial += 1) {
    const mark = serial === 0 ? `\\${name}` : `\\(${name}${serial})`;
    if (!text.includes(mark)) return mark;
  }
}

/** A name as SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL, for the few that are not values of a table. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
