import { basename } from 'node:path';
import { nearestName, type Settings } from '../../platform/config/index.ts';
import { FAULTS, WavspoolError } from '../../domain/faults.ts';
import { isLiteral, tarPattern, textPattern } from '../../platform/pattern/index.ts';
import type { FailureFilter, StateStore } from '../../domain/ledger.ts';

/** Which failures are meant, in an operator's words. */
export interface FailureWords {
  readonly paths?: readonly string[] | undefined;
  readonly cause?: string | undefined;
  /** RE2 syntax, `text:PART` or `glob:PATTERN`, over a path and its error message. */
  readonly match?: string | undefined;
  /** A glob over tars. */
  readonly tar?: string | undefined;
  /** `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly since?: string | undefined;
}

interface FilterDeps {
  readonly state: StateStore;
  readonly settings: Settings;
}

/**
 * The filter that these words say. Throws USAGE for a word that can match nothing: a cause that there is not, a recording or a
 * tar that nobody knows; with the nearest one that there is.
 */
export function failureFilter({ state, settings }: FilterDeps, words: FailureWords): FailureFilter {
  const { paths, cause, match, tar, since } = words;
  if (cause !== undefined) refuseUnknownCause(state, cause);
  for (const path of paths ?? []) refuseUnknownRecording(state, path);
  const isMeant = tar === undefined ? undefined : tarPattern(settings.paths.incoming, tar);
  if (tar !== undefined && isMeant !== undefined) refuseUnknownTar(state, tar, isMeant);
  const fits = match === undefined ? undefined : textPattern(match);
  return { paths, cause, match: fits, tar: isMeant, since };
}

function refuseUnknownCause(state: Pick<StateStore, 'causes'>, cause: string): void {
  // a state.db that was taken over may know others
  const known = [
    ...new Set([
      ...Object.values(FAULTS).map((fault): string => fault.cause),
      ...state.causes().map(({ cause }) => cause),
    ]),
  ].toSorted();
  if (known.includes(cause)) return;
  const nearest = nearestName(cause, known);
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
  throw new WavspoolError('USAGE', `there is no cause ${JSON.stringify(cause)}: ${hint}`);
}

function refuseUnknownRecording(state: Pick<StateStore, 'recording'>, path: string): void {
  if (state.recording(path) !== undefined) return;
  throw new WavspoolError(
    'USAGE',
    `there is no recording ${JSON.stringify(path)}: its path below paths.extracted is asked for`,
  );
}

const PAGE = 1000;
/** Names that are compared with a misspelt one. */
const MOST_COMPARED = 20_000;

/** Looks until one tar fits: nearly always at the first page. */
function refuseUnknownTar(
  state: Pick<StateStore, 'tarsAfter' | 'failedTars'>,
  glob: string,
  isMeant: (path: string) => boolean,
): void {
  const names: string[] = [];
  for (const path of knownTars(state)) {
    if (isMeant(path)) return;
    if (names.length < MOST_COMPARED) names.push(path);
  }
  const nearest = isLiteral(glob)
    ? nearestName(basename(glob), [...new Set(names.map((path) => basename(path)))])
    : undefined;
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  throw new WavspoolError('USAGE', `no tar that is known fits ${JSON.stringify(glob)}${hint}`);
}

function* knownTars(state: Pick<StateStore, 'tarsAfter' | 'failedTars'>): Generator<string> {
  for (const { path } of state.failedTars({})) yield path;
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: readonly { readonly path: string }[] = state.tarsAfter(after, PAGE);
    for (const { path } of page) yield path;
    after = page.at(-1)?.path;
  }
}
