import type { IngestDeps } from '../deps.ts';
import { isSameVersion, lookAt, versionOf } from '../arrival/index.ts';
import { extractWork } from '../../platform/queue/index.ts';
import type { RecordingRow } from '../../domain/recording.ts';

/**
 * Queues the tar of a recording whose file is gone or changed, if it still lies in the landing directory as it was extracted:
 * what lies in the file's place is moved aside, the recording comes back, and its upload's next try finds it.
 */
export async function extractAgain(
  { ledger, queues }: Pick<IngestDeps, 'ledger' | 'queues'>,
  row: RecordingRow,
): Promise<void> {
  const extracted = row.tar === undefined ? undefined : await ledger.tars.get(row.tar);
  if (extracted?.size === undefined || extracted.mtimeMs === undefined) return;
  const { path, size, mtimeMs } = extracted;
  const onDisk = await lookAt(path);
  if (onDisk === undefined || !isSameVersion(onDisk, { path, size, mtimeMs })) return;
  await queues.extract.ensure([extractWork(versionOf(onDisk), 0)]);
}
