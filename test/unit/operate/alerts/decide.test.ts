import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, type OpenProblem } from '../../../../src/operate/alerts/decide.ts';
import { messageOfNews } from '../../../../src/operate/alerts/message.ts';
import type { Problem } from '../../../../src/operate/health/index.ts';

const MINUTE = 60_000;
const patience = { afterMs: MINUTE, everyMs: 60 * MINUTE };

function problem(id: string, what = `${id} is wrong.`): Problem {
  return { id, since: null, what, effect: 'Nothing works.', remedy: 'Mend it.', command: 'wavspool doctor' };
}

/** What was told at each look: `at` minute, these problems. */
function told(looks: readonly (readonly [at: number, ids: readonly string[]])[]): readonly string[] {
  let open: readonly OpenProblem[] = [];
  return looks.flatMap(([at, ids]) => {
    const decision = decide(
      open,
      ids.map((id) => problem(id)),
      at * MINUTE,
      patience,
    );
    ({ open } = decision);
    return decision.news.length === 0
      ? []
      : [`${at}: ${decision.news.map(({ status, problem: { id } }) => `${status} ${id}`).join(', ')}`];
  });
}

test('a problem is told once it has lasted, again now and then, and when it is over', () => {
  const looks = Array.from({ length: 70 }, (_, at) => [at, at < 65 ? ['a'] : []] as const);
  expect(told(looks)).toEqual(['1: new a', '61: still there a', '66: over a']);
});

test('what comes and goes at once is not told of, nor is what goes and comes back', () => {
  expect(
    told([
      [0, ['a']],
      [0.5, []],
      [1, ['a']],
      [1.5, []],
    ]),
  ).toEqual([]);
  expect(
    told([
      [0, ['a']],
      [1, ['a']],
      [2, []],
      [2.5, ['a']],
      [3, []],
      [3.5, ['a']],
    ]),
  ).toEqual(['1: new a']);
});

test('what begins, lasts or ends together stands together', () => {
  expect(
    told([
      [0, ['a', 'b']],
      [1, ['a', 'b']],
      [30, ['a', 'b', 'c']],
      [31, ['a', 'b', 'c']],
      [61, ['a', 'b', 'c']],
      [70, []],
      [71, []],
    ]),
  ).toEqual([
    '1: new a, new b',
    '31: new c',
    '61: still there a, still there b, still there c',
    '71: over a, over b, over c',
  ]);
});

test('a clock that was set back keeps nothing waiting', () => {
  expect(
    told([
      [1000, ['a']],
      [10, ['a']],
      [11, ['a']],
      [12, []],
      [13, []],
    ]),
  ).toEqual(['11: new a', '13: over a']);
});

test('at once where the settings wait for nothing', () => {
  const { news, open } = decide([], [problem('a')], 5, { afterMs: 0, everyMs: MINUTE });
  expect(news.map(({ status }) => status)).toEqual(['new']);
  expect(decide(open, [], 6, { afterMs: 0, everyMs: MINUTE })).toMatchObject({
    news: [{ status: 'over' }],
    open: [],
  });
});

test('whatever comes and goes: "new" and "over" of a problem alternate, and what is over was new before', () => {
  const look = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 5 * MINUTE }), look), { maxLength: 60 }),
      (looks) => {
        let open: readonly OpenProblem[] = [];
        let now = 0;
        const isTold = new Set<string>();
        for (const [later, ids] of looks) {
          now += later;
          const decision = decide(
            open,
            ids.map((id) => problem(id)),
            now,
            patience,
          );
          ({ open } = decision);
          for (const {
            status,
            problem: { id },
          } of decision.news) {
            expect(isTold.has(id)).toBe(status !== 'new');
            if (status === 'new') isTold.add(id);
            if (status === 'over') isTold.delete(id);
          }
        }
        // what was told and is not over stays known
        expect([...isTold].every((id) => open.some((one) => one.problem.id === id))).toBe(true);
      },
    ),
  );
});

test('the message is for people and for programs, and no name of a file breaks its lines', () => {
  const what = 'The tar "a\r\nBcc: x@example.com\u2028.tar" waits.';
  const news = [
    {
      status: 'new' as const,
      problem: { ...problem('tar', what), since: '2026-11-29T05:00:00Z' },
      seenAt: 0,
    },
  ];
  const message = messageOfNews(news, { id: 'i', site: 'main', host: 'h', now: Date.UTC(2026, 10, 29, 6) });
  expect(message.title).toBe('wavspool main: new: The tar "a Bcc: x@example.com .tar" waits.');
  expect(message.text).toContain(
    'Since 2026-11-29T05:00:00Z. Nothing works.\nWhat to do: Mend it. (wavspool doctor)',
  );
  expect(message).toMatchObject({
    at: '2026-11-29T06:00:00.000Z',
    problems: [{ id: 'tar', status: 'new', what, since: '2026-11-29T05:00:00Z' }],
  });
});
