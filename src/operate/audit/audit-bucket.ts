import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import { RECEIPTS } from '../../ingest/receipt/index.ts';
import type { AuditedRow, LedgerCatalogue, RecordingLedger } from '../../domain/ledger.ts';
import type { ListedObject, ObjectStore } from '../../platform/s3/index.ts';
import {
  isListingCheaper,
  judgeBytes,
  judgeHead,
  judgeListed,
  sideBySide,
  type AuditTotals,
  type Finding,
  type HeadJudgement,
  type Pair,
} from './compare.ts';
import { ASIDE } from './repair.ts';

export interface AuditDeps {
  readonly ledger: {
    readonly recordings: Pick<RecordingLedger, 'get' | 'isOfOthers'>;
    readonly catalogue: Pick<LedgerCatalogue, 'audit' | 'counts'>;
  };
  readonly store: Pick<ObjectStore, 'list' | 'head' | 'get'>;
  readonly prefix: string;
  readonly extracted: string;
  /** Prefixes below which other objects of wavspool lie: copies of databases that were shipped offsite. */
  readonly otherPrefixes: readonly string[];
}

export interface AuditOptions {
  /** Rows changed since then only, `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly since?: string | undefined;
  /** So many rows, chosen at random. */
  readonly sample?: number | undefined;
  /** Downloads every object and hashes its bytes. */
  readonly deep: boolean;
  /** Called for every row that was checked. */
  readonly onProgress?: (checked: number, rows: number) => void;
}

/** What another program has uploaded from elsewhere, as its taken-over row says: to ask for any other name would find another's object. */
const NO_KEY =
  'its row has no key, and it does not lie below paths.extracted: which object holds it cannot be said';

/** Requests under way at once. */
const AT_ONCE = 16;

/**
 * Compares every SUCCESS row (or those that the options choose) with its object, and, when all rows are compared, every object
 * below the prefix with the rows. Yields what is not as it should be; `totals` is complete at the end. Memory does not grow
 * with either side. Throws a store fault when the store as a whole cannot answer.
 */
export async function* auditBucket(
  deps: AuditDeps,
  options: AuditOptions,
  totals: AuditTotals,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { prefix, extracted } = deps;
  const { since, sample } = options;
  const list = await deps.ledger.catalogue.audit({ prefix, extracted, since, sample });
  const whole = since === undefined && sample === undefined;
  const lists = whole || isListingCheaper(list.rows, (await deps.ledger.catalogue.counts()).SUCCESS);
  const objects = lists ? counted(deps.store.list(prefix, signal), totals) : nothing();
  try {
    const check = (pair: Pair): Promise<Finding | undefined> =>
      pair.row === undefined
        ? whole
          ? strange(deps, pair.object.key)
          : Promise.resolve(undefined)
        : checkRow(deps, options, totals, pair.row, pair.object, signal);
    for await (const findings of inBatches(sideBySide(list.inKeyOrder(), objects), check)) {
      yield* findings;
      options.onProgress?.(totals.checked, list.rows);
    }
  } finally {
    await list.close();
  }
}

async function checkRow(
  deps: AuditDeps,
  { deep }: AuditOptions,
  totals: AuditTotals,
  row: AuditedRow,
  listed: ListedObject | undefined,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  totals.checked += 1;
  const { key } = row;
  if (key === undefined) return findingOf(row, '!', NO_KEY);
  try {
    const judgement = await judge(deps, deep, { ...row, key }, listed, signal);
    if (judgement.kind === 'finding') return findingOf(row, judgement.sign, judgement.reason);
    totals.same += 1;
    return undefined;
  } catch (error) {
    if (signal.aborted || FAULTS[faultCode(error)].retry === 'when the store is back') throw error;
    return findingOf(row, '!', messageOf(error));
  }
}

async function judge(
  deps: AuditDeps,
  deep: boolean,
  row: AuditedRow & { readonly key: string },
  listed: ListedObject | undefined,
  signal: AbortSignal,
): Promise<HeadJudgement> {
  if (!deep && judgeListed(row, listed) === 'same') return { kind: 'same' };
  const judgement = judgeHead(row, await deps.store.head(row.key, signal));
  if (judgement.kind === 'finding' || (judgement.kind === 'same' && !deep)) return judgement;
  const hash = createHash('sha256');
  for await (const chunk of await deps.store.get(row.key, signal)) hash.update(chunk);
  return judgeBytes(row, hash.digest('hex'));
}

function findingOf(row: AuditedRow, sign: Finding['sign'], reason: string): Finding {
  const { path: recording, key = recording, tar } = row;
  return { sign, key, reason, recording, ...(tar !== undefined && { tar }) };
}

/** An object that has no SUCCESS row: fine when its recording is on its way, or when it is none. */
async function strange(deps: AuditDeps, key: string): Promise<Finding | undefined> {
  const below = key.slice(deps.prefix.length);
  const ours = [RECEIPTS, ASIDE, '.wavspool-probe/'].some((own) => below.startsWith(own));
  if (ours || deps.otherPrefixes.some((other) => key.startsWith(other))) return undefined;
  const { recordings } = deps.ledger;
  if ((await recordings.get(join(deps.extracted, below))) !== undefined) return undefined;
  if (await recordings.isOfOthers(key)) return undefined; // sites may share bucket and prefix
  return { sign: '+', key, reason: 'is in the bucket, and no row knows it' };
}

async function* inBatches(
  pairs: AsyncIterable<Pair>,
  check: (pair: Pair) => Promise<Finding | undefined>,
): AsyncGenerator<readonly Finding[]> {
  let batch: Promise<Finding | undefined>[] = [];
  const compareBatch = async (): Promise<readonly Finding[]> => {
    const found = await Promise.all(batch);
    batch = [];
    return found.filter((finding) => finding !== undefined);
  };
  for await (const pair of pairs) {
    batch.push(check(pair));
    if (batch.length === AT_ONCE) yield await compareBatch();
  }
  yield await compareBatch();
}

async function* counted(
  objects: AsyncIterable<ListedObject>,
  totals: AuditTotals,
): AsyncGenerator<ListedObject> {
  for await (const object of objects) {
    totals.listed += 1;
    yield object;
  }
}

async function* nothing(): AsyncGenerator<ListedObject> {
  // each row is asked for by itself
}
