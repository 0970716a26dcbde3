import type { TarReceipt, TarRow } from '../../domain/tar.ts';
import { isoTime, isoTimestamp } from '../../platform/runtime/index.ts';
import type { ReportedOf } from './timeline.ts';

/** A member that is no recording, or may be none. */
export interface LeftOut {
  readonly name: string;
  /** Null where an older wavspool noted none. */
  readonly reason: string | null;
}

/** What of a tar was not taken; of very many members the first. */
export interface LeftOutMembers {
  readonly skipped: readonly LeftOut[];
  readonly refused: readonly LeftOut[];
  /** What is odd about how the tar was written. */
  readonly notes: readonly string[];
}

/** What the last extraction left out, of what was reported of a tar, the oldest first; undefined where the log no longer tells. */
export function leftOutOf(reported: readonly ReportedOf[]): LeftOutMembers | undefined {
  const last = reported.findLast(({ event }) => event === 'tar extracted');
  if (last === undefined || !Array.isArray(last.fields['skippedNames'])) return undefined;
  const { skippedNames, skippedReasons, refusedNames, notes } = last.fields;
  const reasons = textsIn(skippedReasons);
  return {
    skipped: textsIn(skippedNames).map((name, at) => ({ name, reason: reasons[at] ?? null })),
    refused: textsIn(refusedNames).map(withReason),
    notes: textsIn(notes),
  };
}

/** The log has `name (reason)`, and a name may have brackets too. */
function withReason(text: string): LeftOut {
  const at = text.lastIndexOf(' (');
  return at === -1 || !text.endsWith(')')
    ? { name: text, reason: null }
    : { name: text.slice(0, at), reason: text.slice(at + 2, -1) };
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** What lay at a tar's path once: another size or time is another version. */
export interface TarVersionSeen {
  readonly sha256: string;
  /** ISO in UTC; null where it was not noted. */
  readonly at: string | null;
  readonly recordings: number | null;
  readonly bytes: number | null;
  readonly isPresent: boolean;
  readonly receipt: Pick<TarReceipt, 'seq' | 'key' | 'sha256'> | null;
}

/** Every version of a tar that its row, its receipts or what was reported of it know, the newest first. */
export function versionsOf(
  row: Pick<TarRow, 'sha256' | 'timestamp' | 'recordings' | 'bytes' | 'receipts'>,
  reported: readonly ReportedOf[],
): readonly TarVersionSeen[] {
  const versions = new Map<string, Omit<TarVersionSeen, 'sha256' | 'isPresent' | 'receipt'>>();
  for (const { tarSha256 } of row.receipts)
    versions.set(tarSha256, { at: null, recordings: null, bytes: null });
  for (const { at, event, fields } of reported) {
    const { sha256, recordings, bytes } = fields;
    if (event !== 'tar extracted' || typeof sha256 !== 'string') continue;
    versions.delete(sha256); // one that came back is the newest
    versions.set(sha256, { at: isoTime(at), recordings: figure(recordings), bytes: figure(bytes) });
  }
  if (row.sha256 !== undefined) {
    versions.delete(row.sha256);
    const { recordings = null, bytes = null } = row;
    versions.set(row.sha256, { at: isoTimestamp(row.timestamp), recordings, bytes });
  }
  return [...versions]
    .map(([sha256, version]) => {
      const { seq, key, sha256: hash } = row.receipts.findLast(({ tarSha256 }) => tarSha256 === sha256) ?? {};
      const receipt =
        seq === undefined || key === undefined || hash === undefined ? null : { seq, key, sha256: hash };
      return { sha256, ...version, isPresent: sha256 === row.sha256, receipt };
    })
    .toReversed();
}

function figure(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
