import { createHash } from 'node:crypto';
import type { MemberKind } from '../../platform/tar/index.ts';
import { isReservedName, RESERVED_NAMES } from '../../platform/runtime/index.ts';

export type MemberJudgement =
  | {
      readonly kind: 'take';
      /** Relative, `/`-separated, without empty or dot segments. */
      readonly path: string;
      /** Its name is that of an AppleDouble file, the attributes of another: only bytes that begin as a WAV are a recording. */
      readonly mustBeWav: boolean;
    }
  /** A hard link: it is the bytes of the member before it that has the path `target`. */
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly reason: string };

const MAX_DEPTH = 32;
/** What Linux allows for a name. */
const MAX_SEGMENT_BYTES = 255;
/** Below the 4,096 that Linux allows for a path, so that there is room for the directory it goes to. */
const MAX_NAME_BYTES = 3000;
/** What rows and logs show of a name that is longer than that. */
const SHOWN_CHARACTERS = 200;

interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  readonly target?: string | undefined;
}

/**
 * What becomes of one member of a tar: recordings are taken, what is no recording is skipped, and what calls itself a
 * recording but could do harm (P8) is refused, which leaves a FAILED row rather than a gap (P1).
 */
export function judgeMember(member: Member): MemberJudgement {
  const { name, kind, target } = member;
  // neither a NUL and what follows it nor slashes may hide a recording: for other programs the name ends before them
  if (!/\.wav(?:\/\.?)*(?:\0|$)/i.test(name))
    return { kind: 'skip', reason: 'its name does not end in .wav' };
  if (kind === 'directory') return { kind: 'skip', reason: 'it is a directory' };
  if (kind === 'label') return { kind: 'skip', reason: 'it is a volume label' };
  const path = memberPath(name);
  if (isLinkTo(path, member)) return { kind: 'skip', reason: 'it is a link to itself' };
  if (kind !== 'file' && kind !== 'hardlink') return { kind: 'refuse', reason: KIND_REFUSALS[kind] };
  const refusal = nameRefusal(name) ?? segmentsRefusal(path.split('/'));
  if (refusal !== undefined) return { kind: 'refuse', reason: refusal };
  if (kind === 'hardlink') return { kind: 'link', path, target: memberPath(target ?? '') };
  return { kind: 'take', path, mustBeWav: isAppleDouble(path) };
}

function isLinkTo(path: string, { kind, target }: Member): boolean {
  return (kind === 'hardlink' || kind === 'symlink') && memberPath(target ?? '') === path;
}

/** A member's path as tar programs extract it: relative, without empty or dot segments; `..` stays, for the judge to see. */
export function memberPath(name: string): string {
  return name
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/');
}

/** macOS puts a file's attributes beside it, as `._a.wav` or below `__MACOSX/`. */
function isAppleDouble(path: string): boolean {
  const segments = path.split('/');
  return segments.at(-1)?.startsWith('._') === true || segments.includes('__MACOSX');
}

const KIND_REFUSALS = {
  symlink: 'it is a symbolic link, not a file',
  device: 'it is a device, not a file',
  fifo: 'it is a named pipe, not a file',
  sparse: 'it is stored as a sparse file, and where its parts belong cannot be read',
  continued: 'it is the rest of a file that began on another tape',
  other: 'it is of a type that tar does not define',
} as const satisfies Partial<Record<MemberKind, string>>;

/** A member's name for rows and logs: above what a recording may have it is cut, and its hash tells it from others. */
export function shownName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_NAME_BYTES) return name;
  const sha256 = createHash('sha256').update(name).digest('hex');
  const start = name.slice(0, SHOWN_CHARACTERS).toWellFormed();
  return `${start}… (${bytes} bytes, SHA-256 ${sha256.slice(0, 12)})`;
}

function nameRefusal(name: string): string | undefined {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its path is longer than ${MAX_NAME_BYTES} bytes`;
  if (/\p{Cc}/u.test(name)) return 'its name has control characters';
  if (/\/\.?$/.test(name)) return 'its name ends in a slash, as that of a directory does';
  return undefined;
}

function segmentsRefusal(segments: readonly string[]): string | undefined {
  if (segments.some((segment) => segment.split('\\').includes('..'))) return 'its path has a ".." in it';
  if (segments.length > MAX_DEPTH) return `its path is deeper than ${MAX_DEPTH} levels`;
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)) {
    return `a name in its path is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  if (segments.some(isReservedName))
    return `its path has a name that wavspool keeps for itself (${RESERVED_NAMES})`;
  return undefined;
}
