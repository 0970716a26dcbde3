import type { RecordingRow } from '../../domain/recording.ts';
import type { FailedTar, TarRow } from '../../domain/tar.ts';

// What the API gives, as JSON has it.

/** What JSON leaves of a value: what is undefined is absent. */
type Told<T> = { readonly [K in keyof T]?: T[K] };

export type Recording = Told<RecordingRow> &
  Pick<RecordingRow, 'path' | 'status' | 'retryCount'> & { readonly id: string };
export type FailedTarRow = FailedTar & { readonly id: string };
export type Tar = Told<TarRow> & Pick<TarRow, 'path' | 'timestamp'> & { readonly id: string };

/** A page of a list. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
  readonly total?: number;
}

/** The opaque id of a path, as the API makes it. */
export function idOf(path: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(path));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
