import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';

/** What the system says where a path leads elsewhere than it did a moment ago, or where a user may not go. */
const ASTRAY = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EINVAL', 'EXDEV']);

/** Such an error as PATH_UNSAFE, with the `problem` in words; every other one as it is. */
export function ledAstray(error: unknown, problem: string): unknown {
  if (error instanceof WavspoolError || !ASTRAY.has(errnoOf(error) ?? '')) return error;
  return new WavspoolError('PATH_UNSAFE', `${messageOf(error)}: ${problem}`, { cause: error });
}
