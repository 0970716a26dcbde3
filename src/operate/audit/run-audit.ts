import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { Ledger } from '../../domain/ledger.ts';
import { extractDeps } from '../../ingest/extract/index.ts';
import { bandwidth } from '../../ingest/upload/index.ts';
import { effectiveDatabases, type Settings } from '../../platform/config/index.ts';
import { requirePlace, whyAway } from '../../platform/linux/index.ts';
import { makeDirectory, sqlTimestamp, type Clock } from '../../platform/runtime/index.ts';
import { openStore, type ObjectStore } from '../../platform/s3/index.ts';
import { refuseDamagedState } from '../health/index.ts';
import { landingOf } from '../landing/index.ts';
import { auditBucket } from './audit-bucket.ts';
import { auditReceipts } from './audit-receipts.ts';
import { auditTars } from './audit-tars.ts';
import type { AuditTotals, Finding } from './compare.ts';
import { repairFinding, type RepairDeps } from './repair.ts';

/** Receipts are written every 10 s; a store that was unreachable delays them. */
const RECEIPT_PATIENCE_MS = 10 * 60 * 1000;
const LANDING_PAGE = 1000;

export interface RunAuditDeps {
  readonly settings: Settings;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly report: Report;
  /** Is told how far the comparison with the bucket is. */
  readonly onProgress: (checked: number, rows: number) => void;
  /** The site is another host's: what lies under its paths here is not its. */
  readonly isElsewhere?: boolean | undefined;
}

export interface AuditAsked {
  /** Only what was uploaded since then, `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly since: string | undefined;
  /** So many recordings, chosen at random. */
  readonly sample: number | undefined;
  /** Download every object and hash its bytes. */
  readonly deep: boolean;
  readonly repair: boolean;
  readonly receipts: boolean;
}

/** `repair`: what the repair came to, where one was asked for. */
export interface AuditedFinding extends Finding {
  readonly repair?: string;
}

export interface AuditSummary {
  /** Whether nothing differs and nothing that landed is missing in the bucket. */
  readonly ok: boolean;
  readonly checked: number;
  readonly same: number;
  readonly missing: number;
  readonly extra: number;
  readonly differing: number;
  readonly errors: number;
  readonly repaired: number;
  readonly listed: number;
  /** Receipts walked, where that was asked for. */
  readonly receipts?: number;
  readonly open: { readonly pending: number; readonly failed: number; readonly tars: number };
  /** What was to be looked at and could not be; absent where all was. */
  readonly unasked?: readonly string[];
}

/** What an audit of a host without recordings comes to. */
export const NOTHING_TO_AUDIT: AuditSummary = {
  ok: true,
  checked: 0,
  same: 0,
  missing: 0,
  extra: 0,
  differing: 0,
  errors: 0,
  repaired: 0,
  listed: 0,
  open: { pending: 0, failed: 0, tars: 0 },
};

/**
 * Compares state.db with the bucket, the landing directory and, where asked, the receipts. Yields every finding, repaired where
 * asked; returns the summary. Changes nothing without `repair`, and may be repeated. Throws DATABASE_DAMAGED, SITE_UNASKED for a repair
 * that only another host can make, and what stops the store as a whole.
 */
export async function* runAudit(
  deps: RunAuditDeps,
  asked: AuditAsked,
  signal: AbortSignal,
): AsyncGenerator<AuditedFinding, AuditSummary> {
  const { settings, ledger, clock } = deps;
  const isElsewhere = deps.isElsewhere === true;
  if (isElsewhere && asked.repair)
    throw new WavspoolError(
      'SITE_UNASKED',
      `only the host of the site ${settings.site} can repair its recordings`,
    );
  const store = await openStore(deps);
  const totals: AuditTotals = { checked: 0, same: 0, listed: 0 };
  const counts = { '-': 0, '+': 0, '*': 0, '!': 0, repaired: 0, receipts: 0 };
  try {
    await refuseDamagedState(settings, clock, signal); // an audit of rows that cannot be read would be none
    for await (const finding of findings(deps, store, asked, { totals, counts }, signal)) {
      counts[finding.sign] += 1;
      yield asked.repair ? await repaired(deps, store, finding, counts, signal) : finding;
    }
  } finally {
    store.close();
  }
  const { PENDING: pending, FAILED: failed, failedTars: tars } = await ledger.catalogue.counts();
  const { '-': missing, '+': extra, '*': differing, '!': errors } = counts;
  const found = missing + extra + differing + errors;
  return {
    ok: found === 0 && pending + failed + tars === 0,
    checked: totals.checked,
    same: totals.same,
    missing,
    extra,
    differing,
    errors,
    repaired: counts.repaired,
    listed: totals.listed,
    ...(asked.receipts && { receipts: counts.receipts }),
    open: { pending, failed, tars },
    ...(isElsewhere && { unasked: [`what lies on the host of the site ${settings.site}`] }),
  };
}

async function* findings(
  deps: RunAuditDeps,
  store: ObjectStore,
  { since, sample, deep, receipts }: AuditAsked,
  { totals, counts }: { readonly totals: AuditTotals; readonly counts: { receipts: number } },
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { ledger, settings, clock, onProgress } = deps;
  const { prefix } = settings.s3;
  const { extracted } = settings.paths;
  const bucket = { ledger, store, prefix, extracted, otherPrefixes: offsitePrefixes(settings) };
  yield* auditBucket(bucket, { since, sample, deep, onProgress }, totals, signal);
  if (since === undefined && sample === undefined && deps.isElsewhere !== true) yield* landed(deps);
  if (!receipts) return;
  const dueBefore = sqlTimestamp(clock.now() - RECEIPT_PATIENCE_MS);
  counts.receipts = yield* auditReceipts(
    { ledger, store, site: settings.site, prefix, extracted, dueBefore },
    signal,
  );
}

/** Where copies go in the same bucket: what lies there is no recording. */
function offsitePrefixes(settings: Settings): readonly string[] {
  const offsite = [
    ...effectiveDatabases(settings).flatMap(({ snapshots }) => snapshots.map((one) => one.offsite)),
    ...settings.mirrors.map((mirror) => mirror.offsite),
  ];
  return offsite.flatMap((one) => (one === undefined || one.prefix === '' ? [] : [one.prefix]));
}

/** Tars that landed and are not extracted, and what else lies there and is not taken. */
async function* landed(deps: RunAuditDeps): AsyncGenerator<Finding> {
  const { ledger, settings, clock, report } = deps;
  const { incoming, data } = settings.paths;
  const away = whyAway(incoming, data);
  if (away !== undefined) {
    yield { sign: '!', key: incoming, reason: `what has landed cannot be read: ${away}` };
    return;
  }
  yield* auditTars({ ledger, arrival: settings.arrival, incoming, clock, report });
  yield* untaken(deps);
}

/**
 * What lies in the landing directory and is not taken, but for whole tars: those are told of already. No finding of a tar, for a
 * repair would extract what arrival does not take.
 */
async function* untaken({ settings, ledger, clock }: RunAuditDeps): AsyncGenerator<Finding> {
  for (let after: string | undefined; ;) {
    const page = await landingOf(
      { settings, ledger, clock, queues: undefined },
      { after, limit: LANDING_PAGE },
    );
    for (const { path, reason, detail, needsAttention } of page.rows) {
      if (needsAttention && reason !== 'waiting')
        yield { sign: '!', key: path, reason: `landed, and is not taken: ${reason}, ${detail}` };
    }
    if (page.next === null) return;
    after = page.next;
  }
}

async function repaired(
  deps: RunAuditDeps,
  store: ObjectStore,
  finding: Finding,
  counts: { repaired: number },
  signal: AbortSignal,
): Promise<AuditedFinding> {
  const repair = await repairFinding(await repairDeps(deps, store), finding, signal);
  if (repair.kind === 'not repaired') return { ...finding, repair: `not repaired: ${repair.why}` };
  counts.repaired += 1;
  return { ...finding, repair: repair.how };
}

async function repairDeps(deps: RunAuditDeps, store: ObjectStore): Promise<RepairDeps> {
  const { ledger, settings, clock, report } = deps;
  const { incoming, extracted, data } = settings.paths;
  for (const directory of [incoming, extracted]) requirePlace(directory, data);
  await makeDirectory(extracted);
  const { bytesPerSecond } = settings.upload;
  return {
    ledger,
    store,
    extract: extractDeps(deps),
    upload: {
      recordings: ledger.recordings,
      store,
      clock,
      report,
      incoming,
      extracted,
      site: settings.site,
      prefix: settings.s3.prefix,
      bandwidth: bandwidth(bytesPerSecond, settings.timezone, clock, () => 1),
    },
  };
}
