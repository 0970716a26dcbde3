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

/** What was seen of a statement so far: a trigger has statements of its own, up to the `;` behind its END. */
type Seen = 'nothing' | 'create' | 'trigger' | 'trigger ;' | 'trigger ; end' | 'other';

/** What a word makes of it, and any word that is not named. */
const AFTER: Readonly<Record<Seen, { readonly words: ReadonlyMap<string, Seen>; readonly others: Seen }>> = {
  nothing: { words: new Map([['create', 'create']]), others: 'other' },
  create: {
    words: new Map([
      ['temp', 'create'],
      ['temporary', 'create'],
      ['trigger', 'trigger'],
    ]),
    others: 'other',
  },
  trigger: { words: new Map([[';', 'trigger ;']]), others: 'trigger' },
  'trigger ;': {
    words: new Map([
      [';', 'trigger ;'],
      ['end', 'trigger ; end'],
    ]),
    others: 'trigger',
  },
  'trigger ; end': { words: new Map(), others: 'trigger' },
  other: { words: new Map(), others: 'other' },
};

/**
 * A statement ends at `;` outside of quotes and comments, a trigger's at the `;` after its END. Each character is looked at
 * once, however long a statement grows.
 */
export function statementCutter(): StatementCutter {
  let held: string[] = [];
  let carried = '';
  let closer = '';
  let seen: Seen = 'nothing';

  /** Takes one token; true when it ends a statement. */
  const take = (token: string): boolean => {
    const ends = token === ';' && seen !== 'trigger' && seen !== 'trigger ;';
    seen = ends ? 'nothing' : (AFTER[seen].words.get(token.toLowerCase()) ?? AFTER[seen].others);
    return ends;
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
      const token = tokenAt(text, at);
      if (token === undefined) return { seen: at, end };
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

/** The token that begins at `at`; undefined when the next piece may go on with it. */
function tokenAt(text: string, at: number): string | undefined {
  TOKEN.lastIndex = at;
  const token = TOKEN.exec(text)?.[0] ?? '';
  return at + token.length === text.length && OPEN_END.test(token) ? undefined : token;
}
