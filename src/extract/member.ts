import type { MemberKind } from '../tar/index.ts';
import { TEMPORARY_PREFIX } from '../runtime/index.ts';

export type MemberJudgement =
  | {
      readonly kind: 'take';
      /** Relative, `/`-separated, without empty or dot segments. */
      readonly path: string;
    }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly reason: string };

const MAX_DEPTH = 32;
/** What Linux allows for a name. */
const MAX_SEGMENT_BYTES = 255;
/** Below the 4,096 that Linux allows for a path, so that there is room for the directory it goes to. */
const MAX_PATH_BYTES = 3000;

/**
 * What becomes of one member of a tar: recordings are taken, what is no recording is skipped, and what calls itself a
 * recording but could do harm (P8) is refused, which leaves a FAILED row rather than a gap (P1).
 */
export function judgeMember(member: { readonly name: string; readonly kind: MemberKind }): MemberJudgement {
  const { name, kind } = member;
  // a NUL or what follows it must not hide a recording: other programs end the name there
  if (!/\.wav(?:\0|$)/i.test(name)) return { kind: 'skip', reason: 'its name does not end in .wav' };
  if (kind === 'directory') return { kind: 'skip', reason: 'it is a directory' };
  if (kind !== 'file') return { kind: 'refuse', reason: KIND_REFUSALS[kind] };
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  const reason = nameRefusal(name) ?? segmentsRefusal(segments);
  return reason === undefined ? { kind: 'take', path: segments.join('/') } : { kind: 'refuse', reason };
}

const KIND_REFUSALS = {
  symlink: 'it is a symbolic link, not a file',
  hardlink: 'it is a hard link, not a file',
  device: 'it is a device, not a file',
  fifo: 'it is a named pipe, not a file',
  sparse: 'it is stored as a sparse file',
  other: 'it is of a type that tar does not define',
} as const satisfies Partial<Record<MemberKind, string>>;

function nameRefusal(name: string): string | undefined {
  if (/\p{Cc}/u.test(name)) return 'its name has control characters';
  if (name.startsWith('/')) return 'its path is absolute';
  if (/^(?:\.?\/)*[A-Za-z]:/.test(name)) return 'its path begins with a drive letter';
  return undefined;
}

function segmentsRefusal(segments: readonly string[]): string | undefined {
  if (segments.some((segment) => segment.split('\\').includes('..'))) return 'its path has a ".." in it';
  if (segments.length > MAX_DEPTH) return `its path is deeper than ${MAX_DEPTH} levels`;
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)) {
    return `a name in its path is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  if (Buffer.byteLength(segments.join('/')) > MAX_PATH_BYTES) {
    return `its path is longer than ${MAX_PATH_BYTES} bytes`;
  }
  if (segments.some((segment) => segment.startsWith(TEMPORARY_PREFIX))) {
    return `a name in its path begins with ${TEMPORARY_PREFIX}, as our temporary files do`;
  }
  return undefined;
}
