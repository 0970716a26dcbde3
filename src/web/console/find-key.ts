// The key `/`, from any screen, and from before there is one: the page loads this module first, and it imports nothing. What is
// typed after the key until the finder is drawn is kept for it.

let asked: string | undefined;
let open: ((typed: string) => void) | undefined;

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (open === undefined && asked !== undefined) {
    keep(event, asked);
    return;
  }
  const isTyping =
    event.target instanceof Element && event.target.closest('input, select, textarea, dialog') !== null;
  if (event.key !== '/' || isTyping) return;
  event.preventDefault();
  if (open === undefined) asked = '';
  else open('');
});

function keep(event: KeyboardEvent, so: string): void {
  if (event.key.length === 1) asked = so + event.key;
  else if (event.key === 'Backspace') asked = so.slice(0, -1);
  else if (event.key === 'Escape') asked = undefined;
  else return;
  event.preventDefault();
}

/** From now on `/` is answered by this, with what was typed since: at once if it was typed before. */
export function answerFindKey(answer: (typed: string) => void): void {
  open = answer;
  if (asked !== undefined) answer(asked);
  asked = undefined;
}
