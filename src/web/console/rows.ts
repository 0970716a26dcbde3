import type { RecordingRow } from '../../domain/recording.ts';
import type { FailedTar, TarRow } from '../../domain/tar.ts';

// What the API gives, as JSON has it.

/** A row that may be of any site. */
export interface OfSite {
  readonly site?: string;
}

/** What a list over all sites lacks. */
export interface Lack {
  readonly site: string;
  readonly error?: string;
  readonly since?: string;
  readonly figures?: Readonly<Record<string, { readonly count: number }>>;
  readonly figuresAgeSeconds?: number;
}

/** What JSON leaves of a value: what is undefined is absent. */
type Told<T> = { readonly [K in keyof T]?: T[K] };

export type Recording = Told<RecordingRow> &
  Pick<RecordingRow, 'path' | 'status' | 'retryCount'> & { readonly id: string } & OfSite;
export type FailedTarRow = FailedTar & { readonly id: string } & OfSite;
export type Tar = Told<TarRow> & Pick<TarRow, 'path' | 'timestamp'> & { readonly id: string };

/** A page of a list. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
  readonly total?: number;
  /** Sites whose rows are not among these; of a page over all. */
  readonly unasked?: readonly Lack[];
}

/** The opaque id of a path, as the API makes it. */
export function idOf(path: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(path));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
