import type { MirrorNames } from './names.ts';

/** A mirror as far as its name goes. */
interface Named {
  readonly name: string;
  readonly at: number;
  readonly verified: boolean;
}

/** A step on the way to the names that are wanted: another name for a mirror, or another mirror for `latest`. */
export type NameStep =
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'point'; readonly to: string };

/** What there is: a schedule's own mirrors, every name in their directory, and where `latest` leads. */
export interface Names {
  readonly own: readonly Named[];
  readonly taken: readonly string[];
  readonly latest: string | undefined;
}

/**
 * The steps after which the newest mirror of each day has the plain date, and the others a time. `latest` leads to a whole
 * mirror between any two of them, where there are two mirrors at all. A date that is not the schedule's own stays as it is.
 * After a crash the rest of the steps is found again; done once more they change nothing.
 */
export function nameSteps({ own, taken, latest }: Names, names: MirrorNames): readonly NameStep[] {
  const days = Map.groupBy(own, ({ name }) => names.dayOf(name));
  const steps: NameStep[] = [];
  const present = new Set(taken);
  let leads = latest;
  const move = (from: string, to: string): void => {
    steps.push({ kind: 'move', from, to });
    present.delete(from);
    present.add(to);
  };
  const point = (to: string): void => {
    steps.push({ kind: 'point', to });
    leads = to;
  };
  for (const [day, inside] of days) {
    const newest = inside.filter(({ verified }) => verified).toSorted((a, b) => b.at - a.at)[0];
    if (newest === undefined || newest.name === day) continue;
    const plain = inside.find(({ name }) => name === day);
    if (plain === undefined && present.has(day)) continue; // somebody else's
    let standIn = own.find((one) => one !== newest && one !== plain && one.verified)?.name;
    if (plain !== undefined) {
      if (leads === day) point(newest.name);
      standIn = names.timedFor(day, plain.at, [...present]);
      move(day, standIn);
    }
    const mustLead = leads === newest.name;
    if (mustLead && standIn !== undefined) point(standIn);
    move(newest.name, day);
    if (mustLead) point(day);
  }
  return steps;
}
