import { basename } from 'node:path';
import { nearestName, type Settings } from '../../platform/config/index.ts';
import { FAULTS, WavspoolError } from '../../domain/faults.ts';
import type { FailureChoice } from './chosen-failures.ts';
import { isLiteral, tarPattern, textPattern } from '../../platform/pattern/index.ts';
import type { LedgerCatalogue, RecordingLedger, TarLedger } from '../../domain/ledger.ts';

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

/** What of a ledger tells whether a word can match anything. */
export interface KnownWords {
  readonly catalogue: Pick<LedgerCatalogue, 'causes'>;
  readonly recordings: Pick<RecordingLedger, 'get'>;
  readonly tars: Pick<TarLedger, 'paths'>;
}

interface FilterDeps {
  readonly ledger: KnownWords;
  readonly settings: { readonly paths: Pick<Settings['paths'], 'incoming'> };
}

/**
 * The filter that these words say. Throws USAGE for a word that can match nothing: a cause that there is not, a recording or a
 * tar that is not known; with the nearest one that there is.
 */
export async function failureFilter(
  { ledger, settings }: FilterDeps,
  words: FailureWords,
): Promise<FailureChoice> {
  const { paths, cause, match, tar, since } = words;
  if (cause !== undefined) await refuseUnknownCause(ledger, cause);
  for (const path of paths ?? []) await refuseUnknownRecording(ledger, path);
  const isMeant = tar === undefined ? undefined : tarPattern(settings.paths.incoming, tar);
  if (tar !== undefined && isMeant !== undefined) await refuseUnknownTar(ledger, tar, isMeant);
  const fits = match === undefined ? undefined : textPattern(match);
  return { paths, cause, match: fits, tar: isMeant, since };
}

/** Throws USAGE for a cause that there is not, with the nearest one that there is. */
export async function refuseUnknownCause(
  { catalogue }: Pick<KnownWords, 'catalogue'>,
  cause: string,
): Promise<void> {
  // a state.db that was taken over may know others
  const known = [
    ...new Set([
      ...Object.values(FAULTS).map((fault): string => fault.cause),
      ...(await catalogue.causes()).map(({ cause }) => cause),
    ]),
  ].toSorted();
  if (known.includes(cause)) return;
  const nearest = nearestName(cause, known);
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
  throw new WavspoolError('USAGE', `there is no cause ${JSON.stringify(cause)}: ${hint}`);
}

async function refuseUnknownRecording(
  { recordings }: Pick<KnownWords, 'recordings'>,
  path: string,
): Promise<void> {
  if ((await recordings.get(path)) !== undefined) return;
  throw new WavspoolError(
    'USAGE',
    `there is no recording ${JSON.stringify(path)}: its path below paths.extracted is asked for`,
  );
}

/** Names that are compared with a misspelt one. */
const MOST_COMPARED = 20_000;

/** Looks until one tar fits: nearly always at the first page. */
async function refuseUnknownTar(
  { tars }: Pick<KnownWords, 'tars'>,
  glob: string,
  isMeant: (path: string) => boolean,
): Promise<void> {
  const names: string[] = [];
  for await (const page of tars.paths()) {
    if (page.some(isMeant)) return;
    names.push(...page.slice(0, MOST_COMPARED - names.length));
  }
  const nearest = isLiteral(glob)
    ? nearestName(basename(glob), [...new Set(names.map((path) => basename(path)))])
    : undefined;
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  throw new WavspoolError('USAGE', `no tar that is known fits ${JSON.stringify(glob)}${hint}`);
}
