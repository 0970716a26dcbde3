// Names come from outside: what moves a cursor, colours, retitles a window or turns text around never reaches a terminal.

/** C0 and C1 controls, DEL, line and paragraph separators, marks that change the direction of text, and halves of characters. */
const UNSEEN = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]|\p{Cs}/gu;

/** A text as one line of a terminal: `\u{1b}[2J` for an escape sequence, `\n` for a line end. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, escaped);
}

/** As {@link visible}, where the lines of a text are its own. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** JSON whose strings hold nothing that a terminal obeys; JSON itself escapes only what is below a space. */
export function visibleJson(json: string): string {
  return json.replaceAll(/[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g, jsonEscaped);
}

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  return NAMED[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function jsonEscaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
