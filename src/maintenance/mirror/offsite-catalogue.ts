import { hash } from 'node:crypto';
import type { Owner } from '../record/index.ts';
import { namePattern, type Dated } from '../retention/index.ts';
import type { ObjectHead, ObjectStore } from '../../platform/s3/index.ts';
import type { CatalogueDeps } from './catalogue.ts';
import { ownerOf } from './owner.ts';
import type { MirrorSettings } from './settings.ts';

/** A date of a mirror in the bucket. */
export interface OffsiteMirror extends Dated {
  readonly key: string;
  /** Of the list of what lies where; the content is stored once for all dates. */
  readonly sha256: string;
  readonly files: number;
  /** What its files hold. */
  readonly apparentBytes: number;
}

export interface OffsiteDeps extends CatalogueDeps {
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'head' | 'get' | 'list' | 'remove'>;
}

export type Offsite = Pick<MirrorSettings, 'name' | 'source' | 'sources' | 'dir' | 'offsite'>;

const ENDING = '.jsonl.gz';
const FOREIGN = 'its metadata does not say that this mirror put it there';

/** What everything of a mirror in the bucket begins with; undefined where it does not go offsite. */
export function prefixOf({ name, offsite }: Pick<MirrorSettings, 'name' | 'offsite'>): string | undefined {
  return offsite === undefined ? undefined : `${offsite.prefix}${name}/`;
}

/** The key of the date that was made at `at` (ms since 1970). */
export function dateKey(prefix: string, at: number, timezone: string): string {
  return `${prefix}dates/${namePattern('{YYYY-MM-DD}_{HHmmss}', timezone, { name: '' }).format(at)}${ENDING}`;
}

/** What the metadata of a date says, so that it is known without its record. */
export function dateMetadata(
  owner: Owner,
  date: Pick<OffsiteMirror, 'at' | 'sha256' | 'files' | 'apparentBytes'> & {
    readonly count: number;
    readonly listBytes: number;
  },
): Readonly<Record<string, string>> {
  return {
    sha256: date.sha256,
    kind: owner.kind,
    mirror: owner.source.name,
    origin: owner.origin,
    source: sourceId(owner),
    'taken-at': String(date.at),
    count: String(date.count),
    files: String(date.files),
    bytes: String(date.apparentBytes),
    'list-bytes': String(date.listBytes),
  };
}

/** What was copied, short enough for a header. */
function sourceId({ source }: Owner): string {
  return hash('sha256', source.path).slice(0, 32);
}

/** The dates of a mirror in the bucket, newest first; none where it does not go there. Throws store faults. */
export async function listOffsiteMirrors(
  { store, origin, timezone }: OffsiteDeps,
  mirror: Offsite,
  signal: AbortSignal,
): Promise<readonly OffsiteMirror[]> {
  const prefix = prefixOf(mirror);
  if (prefix === undefined) return [];
  const owner = await ownerOf(mirror, origin);
  const names = namePattern('{YYYY-MM-DD}_{HHmmss}', timezone, { name: '' });
  const found: OffsiteMirror[] = [];
  for await (const { key, size } of store.list(`${prefix}dates/`, signal)) {
    const name = key.slice(`${prefix}dates/`.length);
    if (!name.endsWith(ENDING)) continue;
    const metadata = (await store.head(key, signal))?.metadata;
    if (metadata === undefined) continue; // removed since it was listed
    const at = names.parse(name.slice(0, -ENDING.length))?.from ?? 0;
    found.push(asDate(owner, { key, name: name.slice(0, -ENDING.length), at }, metadata, size));
  }
  return found.toSorted((a, b) => b.at - a.at || (a.key < b.key ? 1 : -1));
}

/** `named` is what the key says, for want of a better word. */
function asDate(
  owner: Owner,
  named: Pick<OffsiteMirror, 'key' | 'name' | 'at'>,
  metadata: ObjectHead['metadata'],
  size: number,
): OffsiteMirror {
  const { kind, sha256 = '', 'taken-at': takenAt, count = 0, files = 0, bytes = 0 } = metadata;
  const isKnown =
    kind === owner.kind &&
    sha256 !== '' &&
    Number.isFinite(Number(takenAt)) &&
    isAsLongAsSaid(metadata, size);
  const isOwn = isKnown && isOwners(owner, metadata);
  return {
    ...named,
    sha256,
    verified: isKnown,
    files: Number(files),
    apparentBytes: Number(bytes),
    ...(isKnown && { at: Number(takenAt) }),
    ...(isOwn ? { count: Number(count) } : { foreign: FOREIGN }),
  };
}

/** Older wavspools did not say how long a list is. */
function isAsLongAsSaid({ 'list-bytes': said }: ObjectHead['metadata'], size: number): boolean {
  return said === undefined || Number(said) === size;
}

function isOwners(owner: Owner, { mirror, origin, source }: ObjectHead['metadata']): boolean {
  return mirror === owner.source.name && origin === owner.origin && source === sourceId(owner);
}
