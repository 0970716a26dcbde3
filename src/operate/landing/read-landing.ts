import {
  createTally,
  needsAttention,
  unknownTars,
  type ArrivalDeps,
  type Landing,
  type LandingReason,
  type TarOnDisk,
  type Untaken,
} from '../../ingest/arrival/index.ts';
import { pageOf, readCursor, type Page } from '../../platform/paging/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import { judgeTar, notJudged, type JudgeDeps } from './judge-tar.ts';
import { createPage } from './page.ts';

export type LandingDeps = JudgeDeps & Pick<ArrivalDeps, 'incoming' | 'known'>;

/** Something that lies in the landing directory and is not taken, ready for JSON. */
export interface LandingRow {
  /** Absolute; bytes that are not UTF-8 as `%XX`. */
  readonly path: string;
  readonly reason: LandingReason;
  readonly detail: string;
  readonly bytes: number;
  /** When it last changed by the host's clock, ISO in UTC. */
  readonly since: string;
  readonly ageSeconds: number;
  readonly needsAttention: boolean;
}

export interface LandingPage extends Page<LandingRow> {
  /** Of all that lies there; tars that are on no page up to this one count as waiting. */
  readonly figures: Landing;
}

/** Tars that are read at once. */
const AT_ONCE = 4;
/** So long tars are read for one page; what is left of them then counts as waiting. */
const READ_MS = 60_000;

/**
 * A page of what lies in the landing directory and is neither extracted, nor failed, nor under way. It looks for itself, beside a
 * running wavspool or without one. Memory: the page. In the order of their paths. Rejects with what `known` rejects with
 * and, for an `after` that no page gave, USAGE; safe to repeat.
 */
export async function readLanding(
  deps: LandingDeps,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<LandingPage> {
  const tally = createTally();
  const page = createPage<Untaken & { readonly tar?: TarOnDisk }>(
    after === undefined ? '' : readCursor(after, isPath),
    limit,
  );
  const counts = { tars: 0, known: 0 };
  const untaken = (one: Untaken): void => {
    tally.add(one);
    const gone = page.offer(one);
    if (gone?.tar !== undefined) tally.add(gone);
  };
  for await (const batch of unknownTars(deps, counts, { untaken })) {
    for (const tar of batch) {
      const gone = page.offer({ ...notJudged(deps, tar), tar });
      if (gone?.tar !== undefined) tally.add(gone);
    }
  }
  const judged = await judgeAll(deps, page.items(), tally.add);
  const now = deps.clock.now();
  const last = judged.at(-1);
  return {
    ...pageOf(
      judged.map((one) => rowOf(one, now)),
      ({ path }) => path,
      page.isFull() ? last?.path : undefined,
    ),
    figures: tally.figures(now),
  };
}

async function judgeAll(
  deps: LandingDeps,
  items: readonly (Untaken & { readonly tar?: TarOnDisk })[],
  count: (one: Untaken) => void,
): Promise<readonly Untaken[]> {
  const signal = AbortSignal.timeout(READ_MS);
  const judged: Untaken[] = [...items];
  const left = items.entries();
  const consumer = async (): Promise<void> => {
    for (const [at, { tar }] of left) {
      if (tar === undefined) continue;
      const one = signal.aborted ? notJudged(deps, tar) : await judgeTar(deps, tar, signal);
      judged[at] = one;
      count(one);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, consumer));
  return judged;
}

function rowOf(one: Untaken, now: number): LandingRow {
  const { path, reason, detail, bytes, changedMs } = one;
  return {
    path,
    reason,
    detail,
    bytes,
    since: isoTime(Math.floor(changedMs)),
    ageSeconds: Math.max(0, Math.round((now - changedMs) / 1000)),
    needsAttention: needsAttention(one, now),
  };
}

function isPath(value: unknown): value is string {
  return typeof value === 'string';
}
