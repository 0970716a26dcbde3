/** One receipt's place in the chain of its site. */
export interface ChainLink {
  readonly key: string;
  readonly site: string;
  readonly seq: number;
  /** Of the receipt itself. */
  readonly sha256: string;
  readonly previous: string | null;
}

export interface ChainBreak {
  readonly site: string;
  readonly seq: number;
  /** The receipt that shows it; absent where the one that is missing was the last. */
  readonly key?: string;
  readonly reason: string;
}

/**
 * Where the chains are broken: a receipt that is missing, doubled or altered shows in the one behind it. The last receipt
 * has none behind it, so `heads` says which one a site's state.db knows as its last; without it the last can't be missed.
 */
export function findBreaks(
  links: readonly ChainLink[],
  heads: ReadonlyMap<string, { readonly seq: number; readonly sha256: string }>,
): readonly ChainBreak[] {
  const sites = new Set([...links.map(({ site }) => site), ...heads.keys()]);
  return [...sites].flatMap((site) => {
    const chain = links.filter((link) => link.site === site).toSorted((a, b) => a.seq - b.seq);
    return [...breaksWithin(chain), ...breakAtEnd(site, chain.at(-1), heads.get(site))];
  });
}

function breaksWithin(chain: readonly ChainLink[]): readonly ChainBreak[] {
  return chain.flatMap((link, index) => {
    const { key, site, seq } = link;
    const before = chain[index - 1];
    const reason = reasonOf(link, before);
    return reason === undefined ? [] : [{ site, seq, key, reason }];
  });
}

function reasonOf(link: ChainLink, before: ChainLink | undefined): string | undefined {
  const expected = (before?.seq ?? 0) + 1;
  if (link.seq === before?.seq) return `receipt ${link.seq} is there twice: the other is ${before.key}`;
  if (link.seq > expected) {
    const missing = link.seq - 1 === expected ? `${expected} is` : `${expected} to ${link.seq - 1} are`;
    return `receipt ${missing} missing`;
  }
  if (link.previous === (before?.sha256 ?? null)) return undefined;
  return before === undefined
    ? 'the first receipt names one before it'
    : `${before.key} is not what it was when this receipt was written: its SHA-256 was ${link.previous}`;
}

function breakAtEnd(
  site: string,
  last: ChainLink | undefined,
  head: { readonly seq: number; readonly sha256: string } | undefined,
): readonly ChainBreak[] {
  if (head === undefined || (last !== undefined && last.seq > head.seq)) return [];
  if (last === undefined || last.seq < head.seq) {
    const from = (last?.seq ?? 0) + 1;
    const missing = from === head.seq ? `${from} is` : `${from} to ${head.seq} are`;
    return [
      { site, seq: head.seq, reason: `receipt ${missing} missing: state.db knows ${head.seq} as the last` },
    ];
  }
  if (last.sha256 === head.sha256) return [];
  return [
    {
      site,
      seq: last.seq,
      key: last.key,
      reason: `its SHA-256 is not the ${head.sha256} that state.db knows`,
    },
  ];
}

export interface ChosenChain {
  /** In the order in which they were written. */
  readonly accepted: readonly ChainLink[];
  readonly rejected: readonly { readonly key: string; readonly reason: string }[];
}

/** The one that a receipt behind it names, else the first. */
function theNamed(links: readonly ChainLink[], behind: readonly ChainLink[]): ChainLink | undefined {
  return links.find(({ sha256 }) => behind.some(({ previous }) => previous === sha256)) ?? links[0];
}

/**
 * Which of a site's receipts go on from `head` (undefined: from the beginning). One that does not name the receipt before it is
 * none of the chain, whatever its number; of two with one number it is the one that the next names. Behind a receipt that is
 * missing the chain goes on: what remains of it is evidence all the same, and the next to be written must not take its numbers.
 */
export function chainFrom(
  links: readonly ChainLink[],
  head: { readonly seq: number; readonly sha256: string } | undefined,
): ChosenChain {
  const bySeq = Map.groupBy(links, ({ seq }) => seq);
  const accepted: ChainLink[] = [];
  const rejected: { key: string; reason: string }[] = [];
  let last: { readonly seq: number; readonly sha256: string | null } = head ?? { seq: 0, sha256: null };
  for (const seq of [...bySeq.keys()].toSorted((a, b) => a - b)) {
    if (seq <= (head?.seq ?? 0)) continue;
    const candidates = bySeq.get(seq) ?? [];
    const follows = (link: ChainLink): boolean => seq > last.seq + 1 || link.previous === last.sha256;
    const fitting = candidates.filter(follows);
    const chosen = theNamed(fitting, bySeq.get(seq + 1) ?? []);
    const reasonOf = (link: ChainLink): string =>
      fitting.includes(link)
        ? `receipt ${seq} is there twice: ${chosen?.key} is the one of the chain`
        : `it does not name the receipt before it, so it is none of the chain`;
    const others = candidates.filter((link) => link !== chosen);
    for (const link of others) rejected.push({ key: link.key, reason: reasonOf(link) });
    if (chosen === undefined) continue;
    accepted.push(chosen);
    last = chosen;
  }
  return { accepted, rejected };
}
