import { createHash } from 'node:crypto';
import { WavspoolError } from '../../../domain/faults.ts';
import { TABLES, type SiteRows, type TableName } from './site-rows.ts';

/** What lies on each side after a copy. */
export interface CopiedSite {
  readonly from: string;
  readonly to: string;
  readonly tars: number;
  readonly recordings: number;
  /** Over path, key, SHA-256 and status of each row of `uploads`, in the order of the paths. */
  readonly sha256: string;
}

const NAMES: readonly TableName[] = ['extracted_tars', 'uploads'];

/**
 * Copies a site's rows from one ledger to the other and compares what lies there then. Safe to repeat. Throws ALREADY_RUNNING while
 * a process works with either, and STATE_UNUSABLE where the two differ after it, with the figures of both.
 */
export async function copySite(from: SiteRows, to: SiteRows): Promise<CopiedSite> {
  for (const side of [from, to]) {
    const users = await side.users();
    if (users.length > 0)
      throw new WavspoolError(
        'ALREADY_RUNNING',
        `${side.name} is in use: ${users.join(', ')}. Stop wavspool on every host of the site`,
      );
  }
  for (const table of NAMES) for await (const page of from.read(table)) await to.write(table, page);
  const [source, target] = [await figuresOf(from), await figuresOf(to)];
  if (
    source.tars === target.tars &&
    source.recordings === target.recordings &&
    source.sha256 === target.sha256
  )
    return { from: from.name, to: to.name, ...source };
  throw new WavspoolError(
    'STATE_UNUSABLE',
    `the copy is not the same: ${shown(from.name, source)}, ${shown(to.name, target)}; rows that only the copy has were there before`,
  );
}

type Figures = Pick<CopiedSite, 'tars' | 'recordings' | 'sha256'>;

async function figuresOf(side: SiteRows): Promise<Figures> {
  let tars = 0;
  for await (const page of side.read('extracted_tars')) tars += page.length;
  let recordings = 0;
  const hash = createHash('sha256');
  const at = ['wav_path', 'key', 'sha256', 'status'].map((column) => TABLES.uploads.indexOf(column));
  for await (const page of side.read('uploads')) {
    recordings += page.length;
    for (const row of page) hash.update(`${JSON.stringify(at.map((column) => row[column]))}\n`);
  }
  return { tars, recordings, sha256: hash.digest('hex') };
}

function shown(name: string, { tars, recordings, sha256 }: Figures): string {
  return `${name} has ${tars} tars and ${recordings} recordings (${sha256.slice(0, 12)})`;
}
