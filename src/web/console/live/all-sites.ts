import { signal } from '@preact/signals';
import type { Problem } from '../../../operate/health/index.ts';
import type { Status } from '../../../operate/status/index.ts';

/** A site that did not answer, and why. */
interface Unasked {
  readonly site: string;
  readonly error: string;
  readonly remedy: string;
  readonly since: string;
}

export type OneOfAll = Status | Unasked;

/** What each site was last told to be; empty while one is looked at. */
export const allSites = signal<readonly OneOfAll[]>([]);

export function didAnswer(one: OneOfAll): one is Status {
  return 'verdict' in one;
}

/** What an operator must do at a site; of one that does not answer, to find out why. */
export function problemsOf(one: OneOfAll): readonly Problem[] {
  if (didAnswer(one)) return one.verdict.attention;
  return [
    {
      id: 'site-away',
      since: one.since,
      what: `The site ${one.site} could not be asked: ${one.error}.`,
      effect: 'How it is, and what it has, is not known here.',
      remedy: `${one.remedy.charAt(0).toUpperCase()}${one.remedy.slice(1)}.`,
      command: null,
    },
  ];
}

/** One status over all, for what tells figures of the site that is looked at; undefined while none answers. */
export function sumOf(sites: readonly OneOfAll[]): Status | undefined {
  const asked = sites.filter(didAnswer);
  const [first] = asked;
  if (first === undefined) return undefined;
  const sum = (of: (one: Status) => number | undefined): number =>
    asked.reduce((total, one) => total + (of(one) ?? 0), 0);
  return {
    ...first,
    site: 'all',
    uses: { recordings: true, store: true, redis: asked.some(({ uses }) => uses.redis) },
    recordings: {
      PENDING: sum(({ recordings }) => recordings?.PENDING),
      SUCCESS: sum(({ recordings }) => recordings?.SUCCESS),
      FAILED: sum(({ recordings }) => recordings?.FAILED),
      givenUp: sum(({ recordings }) => recordings?.givenUp),
      givenUpSince: null,
      pendingBytes: sum(({ recordings }) => recordings?.pendingBytes),
    },
    tars: {
      extracted: sum(({ tars }) => tars?.extracted),
      failed: sum(({ tars }) => tars?.failed),
      givenUp: sum(({ tars }) => tars?.givenUp),
      givenUpSince: null,
    },
    landing: {},
    verdict: {
      alive: asked.every(({ verdict }) => verdict.alive),
      attention: sites.flatMap(problemsOf),
      held: [],
    },
  };
}
