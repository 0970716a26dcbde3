import { hash } from 'node:crypto';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { fileNames, momentOf, type Dated, type DatedName } from '../retention/index.ts';
import { knownHead, type ObjectHead, type ObjectStore } from '../../platform/s3/index.ts';
import type { CopyRecord, Owner } from '../record/index.ts';
import { ownerOf, type CatalogueDeps } from './catalogue.ts';
import type { SnapshotSchedule } from './schedules.ts';

/** A copy of a snapshot in the bucket. */
export interface OffsiteSnapshot extends Dated {
  readonly database: string;
  readonly schedule: string;
  readonly key: string;
  readonly bytes: number;
  /** What its metadata says; absent for what was not put there by wavspool. */
  readonly sha256?: string | undefined;
  readonly label?: string | undefined;
}

export interface OffsiteCatalogueDeps extends CatalogueDeps {
  readonly store: Pick<ObjectStore, 'head' | 'list'>;
}

/** How many heads are asked for at once. */
const HEADS_AT_ONCE = 16;
/** What a name has in it when another snapshot has that name: its time, or, from older wavspools, the beginning of its hash. */
const TIMED = /(?:_\d{6}(?:-\d+)?|~[0-9a-f]{12})(?=(?:\.[A-Za-z][A-Za-z0-9]{0,7})?(?:\.gz|\.zst)?$)/;
const FOREIGN = 'its metadata does not say that this schedule put it there';
const CHANGED = 'it is not as long as its metadata says: another program put it there';
const OLDER = 'an older wavspool put it there: it can be restored, and stays until an operator removes it';

type OffsiteFacts = Pick<
  CopyRecord,
  'sha256' | 'at' | 'count' | 'label' | 'journalMode' | 'bytes' | 'amounts'
>;

/** What an object's metadata says of a snapshot, so that it is known without its record. */
export function offsiteMetadata(
  owner: Owner,
  { sha256, at, count, label, journalMode, bytes, amounts }: OffsiteFacts,
): Readonly<Record<string, string>> {
  return {
    sha256,
    database: owner.source.name,
    schedule: owner.schedule,
    'taken-at': String(at),
    origin: owner.origin,
    source: sourceId(owner),
    count: String(count),
    bytes: String(bytes),
    rows: String(Object.values(amounts).reduce((sum, rows) => sum + rows, 0)), // those of each table could be too long for a header
    ...(label !== undefined && { label }),
    ...(journalMode !== undefined && { 'journal-mode': journalMode }),
  };
}

/** Where a database lies, short enough for a header. */
function sourceId({ source }: Owner): string {
  return hash('sha256', source.path).slice(0, 32);
}

/** The copies of a schedule's snapshots in the bucket, newest first; none for one without `offsite`. Throws store faults. */
export async function listOffsite(
  deps: OffsiteCatalogueDeps,
  database: Pick<DatabaseSettings, 'name' | 'path'>,
  schedule: SnapshotSchedule,
  signal: AbortSignal,
): Promise<readonly OffsiteSnapshot[]> {
  const { offsite } = schedule;
  if (offsite === undefined) return [];
  const { store, timezone } = deps;
  const names = fileNames(offsite.file, timezone, { name: database.name });
  const owner = await ownerOf(deps, database, schedule);
  const fitting: Fitting[] = [];
  for await (const { key, size, etag } of store.list(offsite.prefix, signal)) {
    const name = key.slice(offsite.prefix.length);
    const dated = names.parse(name) ?? names.parse(name.replace(TIMED, ''));
    if (dated !== undefined) fitting.push({ key, name, size, etag, dated });
  }
  const found: OffsiteSnapshot[] = [];
  for (let from = 0; from < fitting.length; from += HEADS_AT_ONCE) {
    const lot = fitting.slice(from, from + HEADS_AT_ONCE);
    const heads = await Promise.all(lot.map((one) => knownHead(store, one, signal)));
    found.push(...lot.flatMap((one, index) => asSnapshot(deps, owner, one, heads[index]) ?? []));
  }
  return found.toSorted((a, b) => b.at - a.at || (b.count ?? 0) - (a.count ?? 0) || (a.key < b.key ? 1 : -1));
}

interface Fitting {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly etag: string;
  readonly dated: DatedName;
}

function asSnapshot(
  { databases }: CatalogueDeps,
  owner: Owner,
  { key, name, size, dated }: Fitting,
  head: ObjectHead | undefined,
): OffsiteSnapshot | undefined {
  if (head === undefined) return undefined; // removed since it was listed
  const { database, schedule, label, count } = head.metadata;
  const isNamed = database === owner.source.name && schedule === owner.schedule;
  if (!isNamed && isOfAnother(databases, head.metadata)) return undefined;
  const known = isNamed && !isOtherLength(head.metadata, size) ? takenFacts(head.metadata) : undefined;
  const foreign = foreignness(owner, head.metadata, size, known !== undefined);
  const said = label ?? dated.label;
  return {
    database: owner.source.name,
    schedule: owner.schedule,
    key,
    name,
    bytes: size,
    verified: known !== undefined,
    at: momentOf(dated, dated.until - 1),
    ...known,
    ...(said !== undefined && { label: said }),
    ...(foreign === undefined ? { count: Number(count) } : { foreign }),
  };
}

/** Older wavspools did not say how long a copy is. */
function isOtherLength({ bytes }: ObjectHead['metadata'], size: number): boolean {
  return bytes !== undefined && Number(bytes) !== size;
}

/** When a snapshot was taken and its hash, as its metadata says; undefined where that is not all there. */
function takenFacts({
  sha256,
  'taken-at': takenAt,
}: ObjectHead['metadata']): Pick<OffsiteFacts, 'at' | 'sha256'> | undefined {
  const at = Number(takenAt);
  return sha256 !== undefined && Number.isSafeInteger(at) ? { at, sha256 } : undefined;
}

/** Why an object counts for nothing; undefined for a copy of this owner's. */
function foreignness(
  owner: Owner,
  metadata: ObjectHead['metadata'],
  size: number,
  isKnown: boolean,
): string | undefined {
  if (isOtherLength(metadata, size)) return CHANGED;
  if (!isKnown) return FOREIGN;
  const { origin, source } = metadata;
  if (origin === undefined) return OLDER;
  return origin === owner.origin && source === sourceId(owner) ? undefined : FOREIGN;
}

/** Whether an object is listed with another schedule of the settings. */
function isOfAnother(
  databases: CatalogueDeps['databases'],
  { database, schedule }: ObjectHead['metadata'],
): boolean {
  return databases.some((one) => one.name === database && one.snapshots.some((its) => its.name === schedule));
}
