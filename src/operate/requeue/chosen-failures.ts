import type {
  Cursor,
  FailedRecording,
  FailureFilter,
  RecordingLedger,
  TarLedger,
} from '../../domain/ledger.ts';
import type { FailedTar } from '../../domain/tar.ts';
import { everyPage } from '../../platform/paging/index.ts';

/** Which failures an operator means; what the ledger cannot tell is compared here. */
export interface FailureChoice extends FailureFilter {
  /** True for a text that is meant: a path, a space and its error message. */
  readonly match?: ((text: string) => boolean) | undefined;
  /** True for a tar's absolute path that is meant. */
  readonly tar?: ((path: string) => boolean) | undefined;
}

const PAGE = 500;
/** Rows that a pattern is compared with before others go on. */
const COMPARED = 200;

/** The FAILED recordings that are meant, in pages; some may be empty. `from`: behind that one. */
export async function* chosenRecordings(
  recordings: Pick<RecordingLedger, 'failures'>,
  choice: FailureChoice,
  from?: Cursor,
): AsyncGenerator<readonly FailedRecording[], void, undefined> {
  const limit = choice.match === undefined && choice.tar === undefined ? PAGE : COMPARED;
  for await (const page of everyPage(
    (after) => recordings.failures(filterOf(choice), { after, limit }),
    from,
  ))
    yield page.filter(({ row }) => isMeant(choice, row.path, row.errorMessage ?? '', row.tar));
}

/** The failed tars that are meant, in pages; some may be empty. */
export async function* chosenTars(
  tars: Pick<TarLedger, 'failed'>,
  choice: FailureChoice,
): AsyncGenerator<readonly FailedTar[], void, undefined> {
  for await (const page of everyPage((after) => tars.failed(filterOf(choice), { after, limit: PAGE })))
    yield page.filter(({ path, errorMessage }) => isMeant(choice, path, errorMessage, path));
}

function filterOf({ paths, cause, since }: FailureChoice): FailureFilter {
  return { paths, cause, since };
}

function isMeant(
  { match, tar }: FailureChoice,
  path: string,
  error: string,
  ofTar: string | undefined,
): boolean {
  if (tar !== undefined && (ofTar === undefined || !tar(ofTar))) return false;
  return match === undefined || match(`${path} ${error}`);
}
