import type { Command } from 'commander';
import {
  NOTHING_TO_AUDIT,
  runAudit,
  type AuditedFinding,
  type AuditSummary,
} from '../../operate/audit/index.ts';
import { hasRecordings, openOfflineApp, whyNoRecordings, type OfflineApp } from '../../process/app.ts';
import { systemClock } from '../../platform/runtime/index.ts';
import { moment, wholeNumber } from '../arguments.ts';
import { jsonStream, printLines, statusLine } from '../output.ts';
import { siteOption, withSites, type Asked, type Remote, type Said } from '../with-sites.ts';

interface AuditFlags {
  readonly since?: string;
  readonly sample?: number;
  readonly deep?: boolean;
  readonly repair?: boolean;
  readonly receipts?: boolean;
}

/** `audit`: state.db against the bucket; exit 1 if anything differs, or landed and is not in the bucket. Needs neither Redis nor a running wavspool. */
export function auditCommand(program: Command): void {
  siteOption(program.command('audit'))
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
      withSites(command, openOfflineApp, (app, asked) => printAudit(app, flags, asked), throughApi(flags)),
    );
}

/** It takes as long as it takes: a client waits for it as long as it runs. */
function throughApi({ since, sample, deep, repair, receipts }: AuditFlags): Remote {
  const flags = { sample, deep, repair, receipts };
  return {
    isOfHost: true,
    say: async (api, _asked, { timezone }) => {
      const from = since === undefined ? {} : { since: moment(since, systemClock.now(), timezone) };
      const body = { ...flags, ...from, wait: true };
      const found = (await api.ask(
        { method: 'POST', path: '/api/audit', body },
        new AbortController().signal,
      )) as AuditSummary & { readonly findings: readonly AuditedFinding[] };
      return {
        code: codeOf(found),
        document: found,
        print: () => {
          for (const finding of found.findings) printFinding(finding);
          printSummary(found);
        },
      };
    },
  };
}

/** Findings are printed as they come; of several sites in one document they are kept. */
async function printAudit(
  app: OfflineApp,
  flags: AuditFlags,
  { json, isOneOfAll, isElsewhere }: Asked,
): Promise<Said> {
  if (!isElsewhere && !(await hasRecordings(app))) return nothingToAudit(app);
  const { settings, ledger, report, clock } = app;
  const out = json && !isOneOfAll ? jsonStream('findings') : undefined;
  const kept: AuditedFinding[] = [];
  const status = statusLine();
  const onProgress = (checked: number, rows: number): void =>
    status.show(`checked ${checked} of ${rows} recordings`);
  await using audit = runAudit(
    { settings, ledger, report, clock, onProgress, isElsewhere },
    wordsOf(app, flags),
    new AbortController().signal,
  );
  try {
    for (;;) {
      const step = await audit.next();
      status.clear();
      if (step.done === true) {
        const code = codeOf(step.value);
        out?.end({ ...step.value });
        if (out !== undefined) return { code };
        return {
          code,
          document: { findings: kept, ...step.value },
          print: () => printSummary(step.value),
        };
      }
      if (out !== undefined) out.item(step.value);
      else if (json) kept.push(step.value);
      else printFinding(step.value);
    }
  } finally {
    status.clear();
  }
}

function wordsOf({ settings, clock }: OfflineApp, flags: AuditFlags): Parameters<typeof runAudit>[1] {
  const { sample, deep = false, repair = false, receipts = false } = flags;
  const since = flags.since === undefined ? undefined : moment(flags.since, clock.now(), settings.timezone);
  return { since, sample, deep, repair, receipts };
}

function codeOf({ ok, unasked }: AuditSummary): Said['code'] {
  if (!ok) return 1;
  return unasked === undefined ? 0 : 3;
}

function nothingToAudit({ loaded }: OfflineApp): Said {
  return {
    code: 0,
    document: { findings: [], ...NOTHING_TO_AUDIT },
    print: () => printLines([`there is nothing to audit: ${whyNoRecordings(loaded)}`]),
  };
}

function printFinding({ sign, key, reason, repair }: AuditedFinding): void {
  printLines([`${sign} ${key}: ${reason}${repair === undefined ? '' : ` (${repair})`}`]);
}

function printSummary(summary: AuditSummary): void {
  const { checked, same, missing, extra, differing, errors, repaired: repairs, receipts, open } = summary;
  const { unasked = [] } = summary;
  printLines([
    `checked ${checked} uploaded recordings`,
    `= ${same} the same`,
    `- ${missing} missing in the bucket`,
    `+ ${extra} in the bucket only`,
    `* ${differing} differ`,
    `! ${errors} could not be checked, or missing on this host`,
    ...(repairs > 0 ? [`${repairs} repaired`] : []),
    ...(receipts === undefined ? [] : [`${receipts} receipts walked`]),
    `not uploaded: ${open.pending} recordings pending, ${open.failed} failed; ${open.tars} tars failed ("wavspool failed" names them)`,
    ...unasked.map((what) => `NOT ASKED: ${what}`),
  ]);
}
