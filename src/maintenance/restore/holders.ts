import { identityAt, whoHasOpen, type Opener } from '../../platform/linux/index.ts';

/** A process that has a database open. */
export type Holder = Pick<Opener, 'pid' | 'program'>;

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
