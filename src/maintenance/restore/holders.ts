import { identityAt, whoHasOpen, type Opener } from '../../platform/linux/index.ts';

/** A process that has a database open. */
export interface Holder extends Pick<Opener, 'program'> {
  /** Absent for one that is known by its lock alone. */
  readonly pid?: number;
  /** The container or host that `pid` is a process of; absent for this one. */
  readonly host?: string;
}

/** For people: `node (pid 12)`, `wavspool upload (pid 7 on 4be2c0)`. */
export function holderInWords({ program, pid, host }: Holder): string {
  if (pid === undefined) return program;
  return `${program} (pid ${pid}${host === undefined ? '' : ` on ${host}`})`;
}

const OF_A_DATABASE = ['', '-wal', '-shm', '-journal'];

/**
 * The processes, other than this one, that have the database at the resolved `path` open, by whatever path they know it, as far
 * as this user may know: what `/proc` shows of other users' processes needs root.
 */
export async function holdersOf(path: string): Promise<readonly Holder[]> {
  const files = await Promise.all(OF_A_DATABASE.map((part) => identityAt(path + part)));
  const openers = await whoHasOpen(new Set(files.filter((file) => file !== undefined)));
  return openers.filter(({ pid }) => pid !== process.pid).map(({ pid, program }) => ({ pid, program }));
}
