import { everyPage, cursorOf, readCursor } from '../../platform/paging/index.ts';
import type { Cursor, FailureFilter, PageRequest, RecordingLedger, TarLedger } from '../../domain/ledger.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import type { FailedTar } from '../../domain/tar.ts';
import type { SiteApi } from './site-api.ts';

/** What a site's own API tells of its failures, as a ledger does. */
interface FailuresOfSite {
  readonly recordings: Pick<RecordingLedger, 'failures' | 'get'>;
  readonly tars: Pick<TarLedger, 'failed' | 'paths'>;
  readonly catalogue: {
    causes(): Promise<readonly { readonly cause: string; readonly recordings: number }[]>;
  };
}

interface ApiPage<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
}

/** A row's place: on the page behind `after`, the row of that number. */
interface RowPlace {
  readonly after: string | null;
  readonly skip: number;
}

const PAGE = 1000;
const FIRST: RowPlace = { after: null, skip: 0 };

/** Asks the API page by page. Throws SITE_AWAY, or what the site refuses. */
export function failuresOfSite(api: SiteApi): FailuresOfSite {
  const get = async <T>(path: string, words: Readonly<Record<string, string | undefined>>): Promise<T> => {
    const given = Object.entries(words).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    return (await api.ask({ method: 'GET', path: `${path}?${new URLSearchParams(given).toString()}` })) as T;
  };
  const tarPages = <T>(words: Readonly<Record<string, string>>): AsyncIterable<readonly T[]> =>
    everyPage(async (after) => {
      const { rows, next } = await get<ApiPage<T>>('/api/tars', { ...words, limit: String(PAGE), after });
      return { rows, next: next ?? undefined };
    });
  return {
    recordings: {
      get: () => Promise.resolve(undefined),
      failures: async ({ cause, since }, { after: behind, limit }) => {
        const { after, skip } = behind === undefined ? FIRST : readCursor(behind, isPlace);
        const most = String(Math.min(Math.max(limit, skip + 1), PAGE));
        const words = { status: 'FAILED', cause, from: since, limit: most, after: after ?? undefined };
        const { rows, next } = await get<ApiPage<RecordingRow>>('/api/uploads', words);
        const placed = rows.map((row, at) => ({ row, cursor: placeAt(after, at + 1) }));
        return { rows: placed.slice(skip), next: next === null ? undefined : placeAt(next, 0) };
      },
    },
    tars: {
      // failed tars have a list without filters; there are few of them
      failed: async ({ cause, since }: FailureFilter, { after, limit }: PageRequest) => {
        const page = await get<ApiPage<FailedTar>>('/api/tars', {
          limit: String(Math.min(limit, PAGE)),
          after,
        });
        const rows = page.rows.filter(
          (tar) =>
            (cause === undefined || tar.cause === cause) && (since === undefined || tar.timestamp >= since),
        );
        return { rows, next: page.next ?? undefined };
      },
      async *paths() {
        for await (const page of tarPages<{ readonly path: string }>({ state: 'all' }))
          yield page.map(({ path }) => path);
      },
    },
    catalogue: {
      causes: async () =>
        (await get<ApiPage<{ readonly cause: string; readonly recordings: number }>>('/api/failures', {}))
          .rows,
    },
  };
}

function placeAt(after: string | null, skip: number): Cursor {
  return cursorOf({ after, skip } satisfies RowPlace);
}

function isPlace(value: unknown): value is RowPlace {
  if (typeof value !== 'object' || value === null || !('after' in value) || !('skip' in value)) return false;
  return (value.after === null || typeof value.after === 'string') && Number.isSafeInteger(value.skip);
}
