/** Cuts SQL that comes in pieces where statements end, as the sqlite3 program does. */
export interface StatementCutter {
  /** The whole statements that `piece` completes, in one text; '' when it completes none. */
  push(piece: string): string;
  /** What is left at the end: '' unless the last statement is unfinished. */
  rest(): string;
}

const CLOSERS: Readonly<Record<string, string>> = {
  "'": "'",
  '"': '"',
  '`': '`',
  '[': ']',
  '--': '\n',
  '/*': '*/',
};
const TOKEN = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|--|\/\*|\s+|./suy;
/** What the end of a piece may cut in two. */
const OPEN_END = /(?:[\w$\u0080-\uffff]+|[-/*])$/u;

/**
 * A statement ends at `;` outside of quotes and comments, a trigger's at the `;` after its END. Each character is looked at
 * once, however long a statement grows.
 */
export function statementCutter(): StatementCutter {
  let held: string[] = [];
  let carried = '';
  let closer = '';
  let state: 'start' | 'create' | 'trigger' | 'trigger ;' | 'trigger ; end' | 'other' = 'start';

  /** Takes one token; true when it ends a statement. */
  const take = (token: string): boolean => {
    const word = token.toLowerCase();
    if (word === ';') {
      if (state === 'trigger' || state === 'trigger ;') state = 'trigger ;';
      else {
        state = 'start';
        return true;
      }
    } else if (state === 'start') state = word === 'create' ? 'create' : 'other';
    else if (state === 'create' && word !== 'temp' && word !== 'temporary')
      state = word === 'trigger' ? 'trigger' : 'other';
    else if (state === 'trigger ;') state = word === 'end' ? 'trigger ; end' : 'trigger';
    else if (state === 'trigger ; end') state = 'trigger';
    return false;
  };

  /** Looks at `text`, as much of it as is beyond doubt; returns how much that was, and where the last statement in it ended. */
  const scan = (text: string): { seen: number; end: number } => {
    let end = 0;
    let at = 0;
    while (at < text.length) {
      if (closer !== '') {
        const found = text.indexOf(closer, at);
        if (found === -1)
          return { seen: closer === '*/' && text.endsWith('*') ? text.length - 1 : text.length, end };
        at = found + closer.length;
        closer = '';
        continue;
      }
      TOKEN.lastIndex = at;
      const token = TOKEN.exec(text)?.[0] ?? '';
      if (at + token.length === text.length && OPEN_END.test(token)) return { seen: at, end };
      at += token.length;
      closer = CLOSERS[token] ?? '';
      if (token === '--' || token === '/*' || /^\s/.test(token)) continue;
      if (take(token)) end = at;
    }
    return { seen: at, end };
  };

  return {
    push: (piece) => {
      const text = carried + piece;
      const { seen, end } = scan(text);
      carried = text.slice(seen);
      const complete = end === 0 ? '' : held.join('') + text.slice(0, end);
      if (end > 0) held = [];
      held.push(text.slice(end, seen));
      return complete;
    },
    rest: () => (held.join('') + carried).trim(),
  };
}
