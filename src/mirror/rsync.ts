import { isAbsolute, relative } from 'node:path';
import { WavspoolError } from '../faults.ts';
import { TEMPORARY_PREFIX, runProgram, runProgramWhileAlive, type Ended } from '../runtime/index.ts';

/** One run of rsync; every path is absolute, for a relative --link-dest would be looked for in the target and copy everything. */
export interface RsyncJob {
  readonly source: string;
  readonly target: string;
  /** The copy to hardlink unchanged files to. */
  readonly linkTo: string | undefined;
  /** Compare contents, not only sizes and times. */
  readonly checksum: boolean;
  /** Files below `source` that are left out. */
  readonly leftOut: readonly string[];
}

const REMEDY = 'apt-get install rsync';
const VANISHED = 24;

/** The command line of a run. */
export function rsyncArguments({ source, target, linkTo, checksum, leftOut }: RsyncJob): readonly string[] {
  return [
    '--archive',
    '--hard-links',
    '--numeric-ids',
    // by default rsync compares whole seconds: an edit within the second of the last mirror would be missed
    '--modify-window=-1',
    ...(checksum ? ['--checksum'] : []),
    ...(linkTo === undefined ? [] : [`--link-dest=${linkTo}`]),
    `--exclude=${TEMPORARY_PREFIX}*.tmp`,
    ...leftOut.map((path) => `--exclude=/${escaped(relative(source, path))}`),
    '--',
    `${source}/`,
    `${target}/`,
  ];
}

/** In a pattern without wildcards rsync takes a backslash for itself, in one with them it escapes. */
function escaped(path: string): string {
  return /[*?[]/.test(path) ? path.replaceAll(/[\\*?[]/g, String.raw`\$&`) : path;
}

/** True when `path` lies below `directory`; both are real paths. */
export function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

/** What is worth a note in a run that succeeded. Throws MIRROR_FAILED or DISK_FULL with what rsync says. */
export function judgeRsync({ code, signal, stderr }: Ended, { source, target }: RsyncJob): readonly string[] {
  if (code === 0) return [];
  if (code === VANISHED) return [`files vanished while they were copied: ${firstLines(stderr)}`];
  if (/No space left on device|Disk quota exceeded/.test(stderr))
    throw new WavspoolError('DISK_FULL', `no room for a mirror of ${source} in ${target}`);
  const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with ${code}`;
  throw new WavspoolError('MIRROR_FAILED', `${source}: rsync ${how}: ${firstLines(stderr)}`);
}

function firstLines(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const shown = lines.slice(0, 3).join('; ') || 'it says nothing';
  return lines.length > 3 ? `${shown}; and ${lines.length - 3} lines more` : shown;
}

/** Copies `source` into the new directory `target`. Throws PROGRAM_MISSING, MIRROR_FAILED, DISK_FULL or the abort's reason. */
export async function runRsync(job: RsyncJob, signal: AbortSignal): Promise<readonly string[]> {
  const ended = await runProgramWhileAlive('rsync', rsyncArguments(job), { remedy: REMEDY, signal });
  signal.throwIfAborted();
  return judgeRsync(ended, job);
}

/** Puts everything written to the file system of `path` on disk. Throws PROGRAM_MISSING or MIRROR_FAILED. */
export async function syncFileSystem(path: string, signal: AbortSignal): Promise<void> {
  const { code, stderr } = await runProgram('sync', ['-f', path], {
    remedy: 'install coreutils',
    signal,
  });
  signal.throwIfAborted();
  if (code !== 0) throw new WavspoolError('MIRROR_FAILED', `${path} cannot be put on disk: ${stderr}`);
}
