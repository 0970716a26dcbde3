import { WavspoolError } from '../../domain/faults.ts';
import type { Directory } from '../../platform/linux/index.ts';
import {
  TEMPORARY_PREFIX,
  runProgram,
  runProgramWhileAlive,
  type Ended,
} from '../../platform/runtime/index.ts';

/** One run of rsync, from one open directory into another. */
export interface RsyncJob {
  readonly source: Directory;
  readonly target: Directory;
  /** The copy to hardlink unchanged files to. */
  readonly linkTo: Directory | undefined;
  /** Compare contents, not only sizes and times. */
  readonly checksum: boolean;
  /** The settings' patterns, in rsync's language. */
  readonly exclude: readonly string[];
  /** Paths below the source that are left out. */
  readonly leftOut: readonly string[];
}

/** What is worth a note in a run that succeeded. */
export interface Copied {
  readonly notes: readonly string[];
  /** What rsync says of each file that is not in the copy, because its path is longer than Linux takes. */
  readonly tooLong: readonly string[];
}

const REMEDY = 'apt-get install rsync';
const SOME_NOT_COPIED = 23;
const VANISHED = 24;
const UNSUPPORTED = 4;
/** What rsync says of one file each must be there as a whole to be judged. */
const STDERR_CHARACTERS = 4 * 1024 * 1024;
const SHOWN_CHARACTERS = 300;
/** Where rsync finds the open directories: the first descriptor behind stderr, and those that follow. */
const [SOURCE, TARGET, LINK_TO] = ['/proc/self/fd/3', '/proc/self/fd/4', '/proc/self/fd/5'] as const;

/** The command line of a run; `attributes`: with extended attributes and ACLs. */
export function rsyncArguments(
  {
    linkTo,
    checksum,
    exclude,
    leftOut,
  }: Pick<RsyncJob, 'checksum' | 'exclude' | 'leftOut'> & {
    readonly linkTo: unknown;
  },
  { attributes }: { attributes: boolean },
): readonly string[] {
  return [
    '--archive',
    '--hard-links',
    '--numeric-ids',
    '--sparse',
    ...(attributes ? ['--acls', '--xattrs'] : []),
    // by default rsync compares whole seconds: an edit within the second of the last mirror would be missed
    '--modify-window=-1',
    ...(checksum ? ['--checksum'] : []),
    ...(linkTo === undefined ? [] : [`--link-dest=${LINK_TO}`]),
    // a filter rule, for what --exclude takes a lone "!" or a leading "+ " to mean
    `--filter=- ${TEMPORARY_PREFIX}*.tmp`,
    ...leftOut.map((path) => `--filter=- /${escaped(path)}`),
    ...exclude.map((pattern) => `--filter=- ${pattern}`),
    '--',
    `${SOURCE}/`,
    `${TARGET}/`,
  ];
}

/** In a pattern without wildcards rsync takes a backslash for itself, in one with them it escapes. */
function escaped(path: string): string {
  return /[*?[]/.test(path) ? path.replaceAll(/[\\*?[]/g, String.raw`\$&`) : path;
}

const TOO_LONG =
  /: File name too long \(36\)$|^filename overflows max-path len|^skipping overly long name|^temporary filename too long/;
const AFTERWARDS =
  /^rsync error: some files(?:\/attrs were not transferred| vanished)|^rsync warning: some files vanished/;
const HAS_VANISHED = /^file has vanished: |^directory has vanished: /;

/** What came of it, in paths that people know. Throws MIRROR_FAILED or DISK_FULL with what rsync says. */
export function judgeRsync(
  { code, signal, stderr }: Ended,
  { source, target }: { readonly source: string; readonly target: string },
): Copied {
  if (code === 0) return { notes: [], tooLong: [] };
  const lines = stderr
    .replaceAll(SOURCE, source)
    .replaceAll(TARGET, target)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const tooLong = lines.filter((line) => TOO_LONG.test(line));
  const vanished = lines.filter((line) => HAS_VANISHED.test(line));
  const others = lines.filter(
    (line) => !TOO_LONG.test(line) && !HAS_VANISHED.test(line) && !AFTERWARDS.test(line),
  );
  const wasOneFileEach = code === VANISHED || (code === SOME_NOT_COPIED && tooLong.length > 0);
  if (wasOneFileEach && others.length === 0 && stderr.length < STDERR_CHARACTERS - 1) {
    return {
      notes: vanished.length === 0 ? [] : [`files vanished while they were copied: ${firstOf(vanished)}`],
      tooLong: tooLong.map(shortened),
    };
  }
  if (/No space left on device|Disk quota exceeded/.test(stderr))
    throw new WavspoolError('DISK_FULL', `no room for a mirror of ${source} in ${target}`);
  const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with ${code}`;
  throw new WavspoolError(
    'MIRROR_FAILED',
    `${source}: rsync ${how}: ${firstOf(others.length > 0 ? others : lines)}`,
  );
}

function firstOf(lines: readonly string[]): string {
  const shown = lines.slice(0, 3).map(shortened).join('; ') || 'it says nothing';
  return lines.length > 3 ? `${shown}; and ${lines.length - 3} lines more` : shown;
}

function shortened(line: string): string {
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}

/** True when rsync could do everything but keep extended attributes or ACLs: one of the file systems, or rsync itself, has none. */
export function lacksAttributes({ code, stderr }: Pick<Ended, 'code' | 'stderr'>): boolean {
  if (code === UNSUPPORTED) return /ACLs|xattrs|extended attributes/i.test(stderr);
  return (
    code === SOME_NOT_COPIED &&
    /(?:rsync_xal_|xattr|_acl|acl_).*(?:Operation not supported \(95\)|Function not implemented \(38\))$/im.test(
      stderr,
    )
  );
}

/**
 * Copies one directory into another, on descriptors: a user who swaps a directory on the way to them gets nothing. Where
 * extended attributes cannot be kept, everything else is, and that is noted. Throws PROGRAM_MISSING, MIRROR_FAILED, DISK_FULL
 * or the abort's reason.
 */
export async function runRsync(job: RsyncJob, signal: AbortSignal): Promise<Copied> {
  const first = await runOnce(job, { attributes: true }, signal);
  if (!lacksAttributes(first)) return judged(job, first);
  const { notes, tooLong } = judged(job, await runOnce(job, { attributes: false }, signal));
  return { notes: [...notes, `extended attributes and ACLs were not kept: ${firstLine(first)}`], tooLong };
}

async function runOnce(job: RsyncJob, how: { attributes: boolean }, signal: AbortSignal): Promise<Ended> {
  const { source, target, linkTo } = job;
  const ended = await runProgramWhileAlive('rsync', rsyncArguments(job, how), {
    remedy: REMEDY,
    signal,
    descriptors: [source.fd, target.fd, ...(linkTo === undefined ? [] : [linkTo.fd])],
    stderrCharacters: STDERR_CHARACTERS,
  });
  signal.throwIfAborted();
  return ended;
}

function judged({ source, target }: RsyncJob, ended: Ended): Copied {
  return judgeRsync(ended, { source: source.path, target: target.path });
}

function firstLine({ stderr }: Ended): string {
  return shortened(stderr.split('\n')[0] ?? '');
}

/** Puts everything written to the file system of a directory on disk. Throws PROGRAM_MISSING or MIRROR_FAILED. */
export async function syncFileSystem(directory: Directory, signal: AbortSignal): Promise<void> {
  const { code, stderr } = await runProgram('sync', ['-f', '/proc/self/fd/3'], {
    remedy: 'install coreutils',
    signal,
    descriptors: [directory.fd],
  });
  signal.throwIfAborted();
  if (code !== 0)
    throw new WavspoolError('MIRROR_FAILED', `${directory.path} cannot be put on disk: ${stderr}`);
}
