import { runWithFiles } from './system-program.ts';

/**
 * Takes the first `bytes` bytes, whole blocks, out of an open file at once; what follows moves to the front and not one
 * append is lost. undefined when it is done, else why this file system (or host) cannot.
 */
export type CollapseRange = (fd: number, bytes: number, lockFd: number) => Promise<string | undefined>;

/**
 * With fallocate(1): Node has no such call. It works on the open file, so no path can be swapped under it, and it holds the
 * log's lock, so that nobody rotates the log while it still runs after its parent was killed.
 */
export const collapseWithFallocate: CollapseRange = async (fd, bytes, lockFd) => {
  const args = ['--collapse-range', '--offset', '0', '--length', String(bytes), '/proc/self/fd/3'];
  const end = await runWithFiles('fallocate', args, [fd, lockFd]);
  if (end.kind === 'missing') return 'the program fallocate, of util-linux, is missing';
  return end.code === 0
    ? undefined
    : end.said.replace(/^fallocate: /, '') || `fallocate ended with ${end.code}`;
};

/** Whole blocks before `until` in a file of `size` bytes: a range that reaches the end of the file cannot be collapsed. */
export function collapsibleBytes(until: number, size: number, blockBytes: number): number {
  const whole = Math.floor(until / blockBytes) * blockBytes;
  return whole >= size ? Math.max(0, whole - blockBytes) : whole;
}
