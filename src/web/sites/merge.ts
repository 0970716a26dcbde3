/** A row of a page of a site. */
export type Row = Readonly<Record<string, unknown>>;

/** A page as a site gives it. */
export interface SitePage {
  readonly rows: readonly Row[];
  readonly next: string | null;
  readonly total?: number;
}

/** How far one was in the list of each site: behind which row; null when it is over. */
export type Places = Readonly<Record<string, string | null>>;

/** Asks a site for a page; undefined when it cannot be asked. */
export type AskPage = (
  site: string,
  after: string | undefined,
  limit: number,
) => Promise<SitePage | undefined>;

interface MergedPage {
  readonly rows: readonly Row[];
  readonly places: Places;
  readonly total: number | undefined;
}

/** Whether `a` stands before `b` in the list. */
export type Before = (a: Row, b: Row) => boolean;

/**
 * A page over all sites, in the order of the list: what a site has not been looked through for yet holds back what comes behind it. A
 * site that gives only a part of its page is asked again for that part, so that it goes on behind it. One that cannot be asked keeps its place.
 */
export async function mergePages(
  sites: readonly string[],
  places: Places,
  limit: number,
  ask: AskPage,
  isBefore: Before,
): Promise<MergedPage> {
  const open = sites.filter((site) => places[site] !== null);
  const pages = new Map<string, SitePage>();
  await Promise.all(
    open.map(async (site) => {
      const page = await ask(site, places[site] ?? undefined, limit);
      if (page !== undefined) pages.set(site, page);
    }),
  );
  const taken = takeFirst(pages, limit, isBefore);
  const next: Record<string, string | null> = { ...places };
  for (const [site, page] of pages) {
    const count = taken.filter((one) => one.site === site).length;
    if (count === page.rows.length) next[site] = page.next;
    else if (count > 0) {
      const part = await ask(site, places[site] ?? undefined, count);
      if (part !== undefined) next[site] = part.next;
    }
  }
  const totals = [...pages.values()].map(({ total }) => total);
  return {
    rows: taken.map(({ site, row }) => ({ site, ...row })),
    places: next,
    total: totals.includes(undefined)
      ? undefined
      : totals.reduce<number>((sum, total) => sum + (total ?? 0), 0),
  };
}

interface Taken {
  readonly site: string;
  readonly row: Row;
}

function takeFirst(pages: ReadonlyMap<string, SitePage>, limit: number, isBefore: Before): readonly Taken[] {
  const at = new Map([...pages.keys()].map((site) => [site, 0]));
  const taken: Taken[] = [];
  while (taken.length < limit) {
    let first: Taken | undefined;
    for (const [site, { rows, next }] of pages) {
      const row = rows[at.get(site) ?? 0];
      // behind what a site gave there may be more of it, which comes before what others have
      if (row === undefined && next !== null) return taken;
      if (row !== undefined && (first === undefined || isBefore(row, first.row))) first = { site, row };
    }
    if (first === undefined) return taken;
    taken.push(first);
    at.set(first.site, (at.get(first.site) ?? 0) + 1);
  }
  return taken;
}
