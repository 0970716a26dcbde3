import { createHash } from 'node:crypto';
import { z } from 'zod';
import { WavspoolError } from '../../domain/faults.ts';
import { openPlainIn, type Directory } from '../../platform/linux/index.ts';
import { isoTime, parseTime } from '../../platform/runtime/index.ts';
import { MANIFEST } from './names.ts';
import type { BytePath } from './walk.ts';

// A mirror's manifest: the SHA-256 of every file in it, as `sha256sum -c` reads them, and in comments what that does not know:
// the targets of symlinks, and on the last line what the mirror is as a whole. It is the last thing written into a mirror.

export interface ManifestLine {
  readonly kind: 'file' | 'symlink';
  /** Of the file's content, of the symlink's target. */
  readonly sha256: string;
  /** Below the mirror. */
  readonly path: BytePath;
}

const moment = z.iso.datetime().transform(parseTime);

const summary = z.object({
  v: z.literal(1),
  at: moment,
  checkedAt: moment,
  files: z.number(),
  bytes: z.number(),
});

/** What a mirror is as a whole. */
export interface Summary {
  /** When it was begun, ms since 1970. */
  readonly at: number;
  /** When contents were last compared, not only sizes and times. */
  readonly checkedAt: number;
  readonly files: number;
  readonly bytes: number;
}

const SUMMARY = '# wavspool ';
const SYMLINK = '# symlink ';
const LONGEST_SUMMARY = 4096;

/** A line of the manifest, as its bytes. */
export function manifestLine({ kind, sha256, path }: ManifestLine): BytePath {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  const mark = escaped === path ? '' : '\\';
  return `${kind === 'symlink' ? SYMLINK : ''}${mark}${sha256}  ${escaped}\n`;
}

/** The last line of the manifest. */
export function summaryLine({ at, checkedAt, files, bytes }: Summary): BytePath {
  const summary = { v: 1, at: isoTime(at), checkedAt: isoTime(checkedAt), files, bytes };
  return `${SUMMARY}${JSON.stringify(summary)}\n`;
}

/** What a line says; undefined for a comment, and for what this program never wrote. */
export function parseLine(line: BytePath): ManifestLine | undefined {
  const match = /^(# symlink )?(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line);
  if (match === null) return undefined;
  const [, symlink, mark, sha256 = '', name = ''] = match;
  const path =
    mark === ''
      ? name
      : name.replaceAll(/\\(.)/g, (_all, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter);
  return { kind: symlink === undefined ? 'file' : 'symlink', sha256, path };
}

/** The lines of a mirror's manifest, in the order of its files. Throws MIRROR_DIRECTORY where it has none, or what the system says. */
export async function* readManifest(mirror: Directory): AsyncGenerator<ManifestLine> {
  const file = await openPlainIn(mirror, MANIFEST);
  if (file === undefined) throw new WavspoolError('MIRROR_DIRECTORY', `${mirror.path} has no manifest`);
  let carried = '';
  for await (const chunk of file.createReadStream({ encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
    const lines = (carried + String(chunk)).split('\n');
    carried = lines.pop() ?? '';
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed !== undefined) yield parsed;
    }
  }
}

/** What a mirror is as a whole; undefined unless its manifest is there up to its end. Throws what else the system says. */
export async function readSummary(mirror: Directory): Promise<Summary | undefined> {
  const file = await openPlainIn(mirror, MANIFEST);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - LONGEST_SUMMARY);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_SUMMARY), 0, LONGEST_SUMMARY, from);
    return parseSummary(buffer.toString('latin1', 0, bytesRead));
  } finally {
    await file.close();
  }
}

/** The SHA-256 of a mirror's manifest; undefined where it has none. */
export async function hashOfManifest(mirror: Directory): Promise<string | undefined> {
  const file = await openPlainIn(mirror, MANIFEST);
  if (file === undefined) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream({ highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The summary at the end of a manifest; undefined when it does not end with one. */
export function parseSummary(end: string): Summary | undefined {
  const last = /(?:^|\n)# wavspool (\{[^\n]*\})\n$/.exec(end);
  if (last === null) return undefined;
  try {
    return summary.safeParse(JSON.parse(last[1] ?? '')).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // damaged: it says nothing of the mirror
    throw error;
  }
}
