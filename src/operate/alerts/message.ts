import { isoTime } from '../../platform/runtime/index.ts';
import type { News } from './decide.ts';

/** What receivers get: the webhook's body, and what a letter is made of. */
export interface AlertMessage {
  /** The same at each try: a receiver that has had it can tell. */
  readonly id: string;
  readonly site: string;
  readonly host: string;
  /** When it was found, ISO in UTC. */
  readonly at: string;
  /** One line. */
  readonly title: string;
  /** All of it for people. */
  readonly text: string;
  readonly problems: readonly {
    readonly id: string;
    readonly status: News['status'];
    /** ISO in UTC: since when, or where that cannot be told, when it was first seen. */
    readonly since: string;
    readonly what: string;
    readonly effect: string;
    readonly remedy: string;
    readonly command: string | null;
  }[];
}

/** Puts what there is to tell into one message. Pure. */
export function messageOfNews(
  news: readonly News[],
  {
    id,
    site,
    host,
    now,
  }: { readonly id: string; readonly site: string; readonly host: string; readonly now: number },
): AlertMessage {
  const problems = news.map(({ status, problem: { id, since, what, effect, remedy, command }, seenAt }) => ({
    id,
    status,
    since: since ?? isoTime(seenAt),
    what,
    effect,
    remedy,
    command,
  }));
  const title = titleOf(problems, site);
  return { id, site, host, at: isoTime(now), title, text: textOf(problems, title, host), problems };
}

type Told = AlertMessage['problems'][number];

function titleOf(problems: readonly Told[], site: string): string {
  const counts = (['new', 'still there', 'over'] as const).flatMap((status) => {
    const count = problems.filter((one) => one.status === status).length;
    return count === 0 ? [] : `${count} ${status}`;
  });
  const [first] = problems;
  const what =
    problems.length === 1 && first !== undefined
      ? `${first.status}: ${first.what}`
      : `problems: ${counts.join(', ')}`;
  return inOneLine(`wavspool ${site}: ${what}`).slice(0, 250);
}

function textOf(problems: readonly Told[], title: string, host: string): string {
  const paragraphs = problems.map(({ status, since, what, effect, remedy, command }) =>
    (status === 'over'
      ? [`OVER: ${what}`, `It was there since ${since}.`]
      : [
          `${status.toUpperCase()}: ${what}`,
          `Since ${since}. ${effect}`,
          `What to do: ${remedy}${command === null ? '' : ` (${command})`}`,
        ]
    )
      .map(inOneLine)
      .join('\n'),
  );
  return `${[title, ...paragraphs, `Host ${host}; "wavspool status" says more.`].join('\n\n')}\n`;
}

/** Names of files are in it, and they hold what their senders like. */
function inOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}
