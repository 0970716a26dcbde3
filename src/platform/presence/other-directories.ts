import { inOrder, type Heartbeat, type SiteDirectories } from './heartbeat.ts';

export type SiteDirectory = keyof SiteDirectories;

/** A role of the same site that works in another directory than this one does. */
export interface Elsewhere {
  readonly which: SiteDirectory;
  readonly ours: string;
  readonly theirs: string;
  readonly role: string;
  readonly host: string;
  readonly startedAt: number;
}

/**
 * The first role that sees another directory than `own`: a job names an absolute path, so all roles of a site have to see the same
 * ones. What is not known on either side is no difference.
 */
export function findElsewhere(own: SiteDirectories, others: readonly Heartbeat[]): Elsewhere | undefined {
  for (const { directories, role, host, startedAt } of others.toSorted(inOrder)) {
    for (const which of ['incoming', 'extracted'] as const) {
      const ours = own[which];
      const theirs = directories?.[which] ?? null;
      if (ours !== null && theirs !== null && ours !== theirs)
        return { which, ours, theirs, role, host, startedAt };
    }
  }
  return undefined;
}

/** The id that the roles at work know of that directory; undefined when none knows one. */
export function knownId(which: SiteDirectory, others: readonly Heartbeat[]): string | undefined {
  return others.map(({ directories }) => directories?.[which] ?? undefined).find((id) => id !== undefined);
}
