import type { RecordingFilter } from '../../domain/browse.ts';
import type { Cursor, Ledger } from '../../domain/ledger.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { WavspoolError } from '../../domain/faults.ts';

/** Which recordings are fetched; what is absent does not restrict. */
export interface Wanted extends RecordingFilter {
  /** Absolute paths; each has to be known. */
  readonly paths?: readonly string[] | undefined;
  /** True for a tar's absolute path that is meant. */
  readonly isTar?: ((path: string) => boolean) | undefined;
  /** True for a recording's absolute path that is meant. */
  readonly match?: ((text: string) => boolean) | undefined;
}

const PAGE = 500;

/**
 * The uploaded recordings that are meant, the latest change first. Read in pages, so memory does not grow. Throws USAGE for a path that
 * is unknown or not in the bucket, and where nothing is meant: an archive of nothing looks like an answer.
 */
export async function* chosen(
  ledger: Pick<Ledger, 'catalogue' | 'recordings'>,
  { paths, isTar, match, ...filter }: Wanted,
): AsyncGenerator<RecordingRow> {
  if (paths !== undefined) {
    for (const path of paths) yield await uploadedAt(ledger.recordings, path);
    return;
  }
  let found = 0;
  let after: Cursor | undefined;
  do {
    const page = await ledger.catalogue.browse({ ...filter, status: 'SUCCESS', limit: PAGE, after });
    for (const row of page.rows) {
      if (isTar !== undefined && (row.tar === undefined || !isTar(row.tar))) continue;
      if (match !== undefined && !match(row.path)) continue;
      found += 1;
      yield row;
    }
    after = page.next;
  } while (after !== undefined);
  if (found === 0)
    throw new WavspoolError(
      'USAGE',
      'no recording that is in the bucket is meant: look with "wavspool trace"',
    );
}

async function uploadedAt(
  recordings: Pick<Ledger['recordings'], 'get'>,
  path: string,
): Promise<RecordingRow> {
  const row = await recordings.get(path);
  if (row === undefined)
    throw new WavspoolError(
      'USAGE',
      `there is no recording ${JSON.stringify(path)}: its path below paths.extracted is asked for`,
    );
  if (row.status === 'SUCCESS') return row;
  throw new WavspoolError('USAGE', `${path} is not in the bucket: its row says ${row.status}`);
}
