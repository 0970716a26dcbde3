import type { RecordingRow } from '../../domain/recording.ts';
import type { TarRow } from '../../domain/tar.ts';
import { isoTime, isoTimestamp } from '../../platform/runtime/index.ts';

/** A step in the life of a recording; `at` is ISO in UTC, null where it was not noted. */
export interface LifeStep {
  readonly at: string | null;
  readonly what: 'landed' | 'queued' | 'extracted' | 'attempt' | 'stored' | 'receipt';
  readonly [field: string]: unknown;
}

/** What was reported, as far as a life needs it. */
export interface ReportedOf {
  /** ms since 1970. */
  readonly at: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The life of a recording, from the rows and from what was reported of it and of its tar, both the oldest first. What the log no
 * longer tells is told by the rows, with less of it.
 */
export function timelineOf(
  row: RecordingRow,
  tar: TarRow | undefined,
  reportedOfRecording: readonly ReportedOf[],
  reportedOfTar: readonly ReportedOf[],
): readonly LifeStep[] {
  return [
    landed(row, reportedOfTar),
    ...reportedOfTar
      .filter(({ event }) => event === 'tar arrived')
      .slice(-1)
      .map(queued),
    ...extracted(row, tar, reportedOfTar),
    ...attempts(row, reportedOfRecording),
    ...stored(row),
    ...receipt(row, tar, reportedOfTar),
  ];
}

function landed({ tar, tarMtimeMs }: RecordingRow, reported: readonly ReportedOf[]): LifeStep {
  const arrived = reported.findLast(({ event }) => event === 'tar arrived');
  const quietMs = arrived?.fields['quietMs'];
  // it was looked at until it had been quiet for so long
  const at = arrived === undefined ? tarMtimeMs : arrived.at - (typeof quietMs === 'number' ? quietMs : 0);
  return { at: at === undefined ? null : isoTime(at), what: 'landed', ...(tar !== undefined && { tar }) };
}

function queued({ at, fields: { by, bytes } }: ReportedOf): LifeStep {
  return { at: isoTime(at), what: 'queued', by, bytes };
}

function extracted(row: RecordingRow, tar: TarRow | undefined, reported: readonly ReportedOf[]): LifeStep[] {
  if (tar === undefined)
    return row.member === undefined ? [] : [{ at: null, what: 'extracted', member: row.member }];
  const event = reported.findLast((one) => one.event === 'tar extracted');
  return [
    {
      at: isoTimestamp(tar.timestamp),
      what: 'extracted',
      member: row.member,
      sha256: row.sha256,
      ...(event !== undefined && { recordings: event.fields['recordings'], ms: event.fields['ms'] }),
    },
  ];
}

/** Each attempt that failed; where the log has forgotten them, the last one with how often it was tried. */
function attempts(row: RecordingRow, reported: readonly ReportedOf[]): LifeStep[] {
  const failed = reported.filter(
    ({ event }) => event === 'recording failed' || event === 'recording requeued',
  );
  if (failed.length > 0)
    return failed.map(({ at, event, fields }) =>
      event === 'recording requeued'
        ? { at: isoTime(at), what: 'queued', by: fields['by'] }
        : {
            at: isoTime(at),
            what: 'attempt',
            attempt: fields['attempt'],
            cause: fields['cause'],
            message: messageIn(fields['err']),
            final: fields['final'],
          },
    );
  if (row.status !== 'FAILED') return [];
  return [
    {
      at: isoTimestamp(row.timestamp),
      what: 'attempt',
      attempt: row.retryCount + 1,
      cause: row.cause,
      message: row.errorMessage,
    },
  ];
}

function messageIn(err: unknown): unknown {
  return typeof err === 'object' && err !== null && 'message' in err ? err.message : err;
}

function stored({ status, timestamp, key, etag, versionId, size }: RecordingRow): LifeStep[] {
  if (status !== 'SUCCESS') return [];
  return [{ at: isoTimestamp(timestamp), what: 'stored', key, etag, versionId, bytes: size }];
}

function receipt(
  { status }: RecordingRow,
  tar: TarRow | undefined,
  reported: readonly ReportedOf[],
): LifeStep[] {
  const last = tar?.receipts.findLast(({ tarSha256 }) => tarSha256 === tar.sha256);
  if (status !== 'SUCCESS' || last === undefined) return [];
  const written = reported.findLast(
    ({ event, fields }) => event === 'receipt written' && fields['seq'] === last.seq,
  );
  return [
    { at: written === undefined ? null : isoTime(written.at), what: 'receipt', seq: last.seq, key: last.key },
  ];
}
