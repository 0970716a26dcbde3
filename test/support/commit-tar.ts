import type { Ledger } from '../../src/domain/ledger.ts';
import type { RecordingSource, WavFacts } from '../../src/domain/recording.ts';
import type { CommittedTar, TarSummary, TarVersion } from '../../src/domain/tar.ts';

/** What a readable header of a second of speech says. */
export const WAV: WavFacts = { valid: true, durationMs: 1000, codec: 'pcm', sampleRate: 8000, channels: 1 };

interface Bytes {
  readonly sha256: string;
  /** 5 unless told otherwise. */
  readonly size?: number;
  /** Its path unless told otherwise. */
  readonly member?: string;
  readonly wav?: WavFacts;
  readonly source?: RecordingSource;
}

/** Commits a tar with these recordings: by path, each its hash alone or all of it. */
export function commitTar(
  { tars }: Pick<Ledger, 'tars'>,
  tar: TarVersion,
  recordings: Readonly<Record<string, string | Bytes>>,
  summary: Partial<TarSummary> = {},
): Promise<CommittedTar> {
  const rows = Object.entries(recordings).map(([path, given]) => {
    const bytes: Bytes = typeof given === 'string' ? { sha256: given } : given;
    return { path, member: path, size: 5, wav: WAV, ...bytes };
  });
  const counted = { recordings: rows.length, bytes: rows.reduce((sum, { size }) => sum + size, 0) };
  return tars.commit(tar, {
    recordings: [rows],
    refused: [],
    summary: { sha256: 'f', skipped: 1, refused: 0, batchSize: 1, ...counted, ...summary },
  });
}
