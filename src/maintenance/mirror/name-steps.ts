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
 * After a crash the rest of the steps is found again, and `latest` goes on from a mirror of ours that is older than the newest; done once
 * more they change nothing.
 */
export function nameSteps({ own, taken, latest }: Names, names: MirrorNames): readonly NameStep[] {
  const days = Map.groupBy(own, ({ name }) => names.dayOf(name));
  const steps: NameStep[] = [];
  const present = new Set(taken);
  const renamed = new Map<string, string>();
  let leads = latest;
  const move = (from: string, to: string): void => {
    steps.push({ kind: 'move', from, to });
    present.delete(from);
    present.add(to);
    renamed.set(from, to);
  };
  const point = (to: string): void => {
    steps.push({ kind: 'point', to });
    leads = to;
  };
  const settle = (day: string, inside: readonly Named[]): void => {
    const newest = newestGood(inside);
    if (newest === undefined || newest.name === day) return;
    const plain = inside.find(({ name }) => name === day);
    if (plain === undefined && present.has(day)) return; // another program's
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
  };
  for (const [day, inside] of days) settle(day, inside);
  const left = leftBehind(own, latest);
  const name = left && (renamed.get(left.name) ?? left.name);
  if (name !== undefined && name !== leads) point(name);
  return steps;
}

function newestGood(mirrors: readonly Named[]): Named | undefined {
  return mirrors.filter(({ verified }) => verified).toSorted((a, b) => b.at - a.at)[0];
}

/** The newest good mirror, where `latest` leads to an older one of the same schedule. */
function leftBehind(own: readonly Named[], latest: string | undefined): Named | undefined {
  const led = own.find(({ name }) => name === latest);
  const newest = newestGood(own);
  return led !== undefined && newest !== undefined && led.at < newest.at ? newest : undefined;
}
