import type { Command } from 'commander';
import {
  auditBucket,
  auditReceipts,
  auditTars,
  repairFinding,
  type AuditTotals,
  type Finding,
  type RepairDeps,
} from '../../operate/audit/index.ts';
import { whyNoRecordings, type OfflineApp } from '../../process/app.ts';
import { effectiveDatabases } from '../../platform/config/index.ts';
import { refuseDamagedState } from '../../operate/health/index.ts';
import { requirePlace, whyAway } from '../../platform/linux/index.ts';
import { landingOf } from '../../operate/landing/index.ts';
import { makeDirectory, sqlTimestamp } from '../../platform/runtime/index.ts';
import { openS3Store, type ObjectStore } from '../../platform/s3/index.ts';
import { bandwidth } from '../../ingest/upload/index.ts';
import { moment, wholeNumber } from '../arguments.ts';
import { jsonStream, printLines, statusLine } from '../output.ts';
import { withOfflineApp } from '../with-app.ts';

/** Receipts are written every 10 s; a store that was away delays them. */
const RECEIPT_PATIENCE_MS = 10 * 60 * 1000;
const LANDING_PAGE = 1000;

interface AuditFlags {
  readonly since?: string;
  readonly sample?: number;
  readonly deep?: boolean;
  readonly repair?: boolean;
  readonly receipts?: boolean;
}

interface Shown extends Finding {
  readonly repair?: string;
}

/** `audit`: state.db against the bucket; exit 1 if anything differs, or landed and is not in the bucket. Needs neither Redis nor a running wavspool. */
export function auditCommand(program: Command): void {
  program
    .command('audit')
    .description(
      'every uploaded recording against the bucket, and the bucket against state.db; exit 1 if anything differs or is not in the bucket',
    )
    .option(
      '--since <time>',
      'only what was uploaded since then: "2026-11-20 14:00:00" in the time zone of the settings, or 2h, 3d ago',
    )
    .option('--sample <n>', 'so many recordings, chosen at random', wholeNumber)
    .option('--deep', 'download every object and hash its bytes')
    .option('--repair', 'bring back what is missing or differs, from the extracted file or its tar')
    .option('--receipts', 'walk the chain of receipts, and compare them with state.db')
    .action((flags: AuditFlags, command: Command) =>
      withOfflineApp(command, (app, { json }) => runAudit(app, flags, json)),
    );
}

/** Whether there are recordings to audit: where the settings take none, those that an earlier time has left. */
async function hasRecordings({ loaded, ledger }: OfflineApp): Promise<boolean> {
  const { PENDING, SUCCESS, FAILED, failedTars } = await ledger.catalogue.counts();
  return loaded.parts.recordings || PENDING + SUCCESS + FAILED + failedTars > 0;
}

async function runAudit(app: OfflineApp, flags: AuditFlags, json: boolean): Promise<0 | 1> {
  const { settings, report, clock } = app;
  if (!(await hasRecordings(app))) return nothingToAudit(app, json);
  const { concurrency, multipartBytes } = settings.upload;
  const store = await openS3Store({ ...settings.s3, concurrency, multipartBytes }, report, clock);
  const { signal } = new AbortController();
  await refuseDamagedState(settings.paths, clock, signal); // what it says of rows that cannot be read would be no audit
  const totals: AuditTotals = { checked: 0, same: 0, listed: 0 };
  const out = json ? jsonStream('findings') : undefined;
  const status = statusLine();
  const counts = { '-': 0, '+': 0, '*': 0, '!': 0, repaired: 0, receipts: 0 };
  try {
    const onProgress = (checked: number, rows: number): void =>
      status.show(`checked ${checked} of ${rows} recordings`);
    for await (const finding of findings(app, store, flags, totals, counts, onProgress, signal)) {
      const shown = flags.repair === true ? await repaired(app, store, finding, counts, signal) : finding;
      counts[finding.sign] += 1;
      status.clear();
      if (out === undefined) printFinding(shown);
      else out.item(shown);
    }
  } finally {
    status.clear();
    store.close();
  }
  const { PENDING: pending, FAILED: failed, failedTars: tars } = await app.ledger.catalogue.counts();
  const { '-': missing, '+': extra, '*': differing, '!': errors, repaired: repairs, receipts } = counts;
  const found = missing + extra + differing + errors;
  const ok = found === 0 && pending + failed + tars === 0;
  const summary = {
    ok,
    checked: totals.checked,
    same: totals.same,
    missing,
    extra,
    differing,
    errors,
    repaired: repairs,
    listed: totals.listed,
    ...(flags.receipts === true && { receipts }),
    open: { pending, failed, tars },
  };
  if (out === undefined) printSummary(summary);
  else out.end(summary);
  return ok ? 0 : 1;
}

function nothingToAudit({ loaded }: OfflineApp, json: boolean): 0 {
  const none = { missing: 0, extra: 0, differing: 0, errors: 0, repaired: 0, listed: 0 };
  const open = { pending: 0, failed: 0, tars: 0 };
  if (json) jsonStream('findings').end({ ok: true, checked: 0, same: 0, ...none, open });
  else printLines([`there is nothing to audit: ${whyNoRecordings(loaded)}`]);
  return 0;
}

async function* findings(
  app: OfflineApp,
  store: ObjectStore,
  flags: AuditFlags,
  totals: AuditTotals,
  counts: { receipts: number },
  onProgress: (checked: number, rows: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { ledger, settings, clock } = app;
  const { prefix } = settings.s3;
  const { extracted } = settings.paths;
  const since = flags.since === undefined ? undefined : moment(flags.since, clock.now(), settings.timezone);
  const { sample, deep = false } = flags;
  const offsite = [
    ...effectiveDatabases(settings).flatMap(({ snapshots }) => snapshots.map((one) => one.offsite)),
    ...settings.mirrors.map((mirror) => mirror.offsite),
  ];
  const otherPrefixes = offsite.flatMap((one) =>
    one === undefined || one.prefix === '' ? [] : [one.prefix],
  );
  const bucket = { ledger, store, prefix, extracted, otherPrefixes };
  yield* auditBucket(bucket, { since, sample, deep, onProgress }, totals, signal);
  if (since === undefined && sample === undefined) {
    yield* landed(app);
  }
  if (flags.receipts === true) {
    const dueBefore = sqlTimestamp(clock.now() - RECEIPT_PATIENCE_MS);
    counts.receipts = yield* auditReceipts(
      { ledger, store, site: settings.site, prefix, extracted, dueBefore },
      signal,
    );
  }
}

/** Tars that landed and are not extracted, and what else lies there and is not taken. */
async function* landed(app: OfflineApp): AsyncGenerator<Finding> {
  const { ledger, settings, clock, report } = app;
  const { incoming, data } = settings.paths;
  const away = whyAway(incoming, data);
  if (away !== undefined) {
    yield { sign: '!', key: incoming, reason: `nobody can tell what has landed: ${away}` };
    return;
  }
  yield* auditTars({ ledger, arrival: settings.arrival, incoming, clock, report });
  yield* untaken(app);
}

/**
 * What lies in the landing directory and is not taken, but for whole tars: those are told of already. No finding of a tar, for a
 * repair would extract what arrival does not take.
 */
async function* untaken({ settings, ledger, clock }: OfflineApp): AsyncGenerator<Finding> {
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
  app: OfflineApp,
  store: ObjectStore,
  finding: Finding,
  counts: { repaired: number },
  signal: AbortSignal,
): Promise<Shown> {
  const repair = await repairFinding(await repairDeps(app, store), finding, signal);
  if (repair.kind === 'not repaired') return { ...finding, repair: `not repaired: ${repair.why}` };
  counts.repaired += 1;
  return { ...finding, repair: repair.how };
}

async function repairDeps(app: OfflineApp, store: ObjectStore): Promise<RepairDeps> {
  const { ledger, settings, clock, report } = app;
  const { incoming, extracted, data } = settings.paths;
  for (const directory of [incoming, extracted]) requirePlace(directory, data);
  await makeDirectory(extracted);
  const { bytesPerSecond } = settings.upload;
  return {
    ledger,
    store,
    extract: {
      tars: ledger.tars,
      limits: settings.extract,
      unterminated: settings.arrival.unterminated,
      incoming,
      extracted,
      clock,
      report,
    },
    upload: {
      recordings: ledger.recordings,
      store,
      clock,
      report,
      incoming,
      extracted,
      prefix: settings.s3.prefix,
      bandwidth: bandwidth(bytesPerSecond, settings.timezone, clock, () => 1),
    },
  };
}

function printFinding({ sign, key, reason, repair }: Shown): void {
  printLines([`${sign} ${key}: ${reason}${repair === undefined ? '' : ` (${repair})`}`]);
}

function printSummary(summary: {
  readonly checked: number;
  readonly same: number;
  readonly missing: number;
  readonly extra: number;
  readonly differing: number;
  readonly errors: number;
  readonly repaired: number;
  readonly receipts?: number;
  readonly open: { readonly pending: number; readonly failed: number; readonly tars: number };
}): void {
  const { checked, same, missing, extra, differing, errors, repaired: repairs, receipts, open } = summary;
  printLines([
    `checked ${checked} uploaded recordings`,
    `= ${same} the same`,
    `- ${missing} missing in the bucket`,
    `+ ${extra} in the bucket only`,
    `* ${differing} differ`,
    `! ${errors} not to be said, or missing on this host`,
    ...(repairs > 0 ? [`${repairs} repaired`] : []),
    ...(receipts === undefined ? [] : [`${receipts} receipts walked`]),
    `not uploaded: ${open.pending} recordings pending, ${open.failed} failed; ${open.tars} tars failed ("wavspool failed" names them)`,
  ]);
}
