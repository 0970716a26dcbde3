import { basename, dirname, join, relative, sep } from 'node:path';
import { candidatePaths, tarStem } from '../extract/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { pathBelow } from '../../platform/runtime/index.ts';

/** What keys are made from: `site`, `s3.prefix`, `paths.incoming` and `paths.extracted`. */
export interface KeyLayout {
  readonly site: string;
  readonly prefix: string;
  readonly incoming: string;
  readonly extracted: string;
}

const HASH_DIGITS = 12;

/**
 * A recording's key: the prefix and its path below `paths.extracted`, `/`-separated. Keys are deterministic, so that
 * repeating an upload is harmless (P5). Throws RECORDING_OUTSIDE for a path that is not below it.
 */
export function recordingKey(prefix: string, extracted: string, path: string): string {
  return keyOf(prefix, belowExtracted(extracted, path));
}

/**
 * The keys that a recording may get, in the order in which they are tried: its own; where another recording has that, as
 * when two sites share a bucket, the next names that extraction would give it on disk (P5), and at last one with its hash and its site:
 * a client may send one tar to every host of a fleet, and no other recording can have that. Throws RECORDING_OUTSIDE.
 */
export function recordingKeys(
  { site, prefix, incoming, extracted }: KeyLayout,
  row: Pick<RecordingRow, 'path' | 'tar' | 'member'>,
  sha256: string,
): readonly string[] {
  const own = belowExtracted(extracted, row.path);
  const tar = row.tar === undefined ? undefined : relative(incoming, row.tar);
  const last = join(dirname(own), sha256.slice(0, HASH_DIGITS), site, basename(own));
  const places = [own, ...otherPlaces(own, tar, row.member, sha256), last];
  return [...new Set(places.map((place) => keyOf(prefix, place)))];
}

function otherPlaces(
  own: string,
  tar: string | undefined,
  member: string | undefined,
  sha256: string,
): readonly string[] {
  const inDirectory = tar === undefined ? undefined : relative(dirname(tar), own);
  // of a legacy row, and of one whose tar lay elsewhere, no more is known than the recording's own place
  if (tar === undefined || inDirectory === undefined || isOutside(tar) || isOutside(inDirectory))
    return [join(dirname(own), sha256.slice(0, HASH_DIGITS), basename(own))];
  const name = basename(tar);
  const place = memberPlace(inDirectory, tarStem(name), sha256, member);
  const places = candidatePaths(dirname(tar), name, place, sha256);
  return places.slice(places.indexOf(own) + 1); // those before it are other recordings'
}

/** Where the member lies below the tar's directory without what extraction put before it because its place was taken. */
function memberPlace(place: string, stem: string, sha256: string, member: string | undefined): string {
  const hash = sha256.slice(0, HASH_DIGITS);
  const before = [`${stem}/${hash}/`, `${hash}/`, `${stem}/`].find((put) => place.startsWith(put));
  const isOwn = before === undefined || (member ?? place).replace(/^[./]+/, '').startsWith(before);
  return isOwn ? place : place.slice(before.length);
}

function belowExtracted(extracted: string, path: string): string {
  const below = pathBelow(extracted, path);
  if (below === undefined) throw new WavspoolError('RECORDING_OUTSIDE', `${path} is not below ${extracted}`);
  return below;
}

function isOutside(below: string): boolean {
  return below === '..' || below.startsWith(`..${sep}`);
}

function keyOf(prefix: string, below: string): string {
  return `${prefix}${below.split(sep).join('/')}`;
}
