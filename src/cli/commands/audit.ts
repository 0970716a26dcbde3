import type { Command } from 'commander';
import {
  NOTHING_TO_AUDIT,
  runAudit,
  type AuditedFinding,
  type AuditSummary,
} from '../../operate/audit/index.ts';
import { hasRecordings, whyNoRecordings, type OfflineApp } from '../../process/app.ts';
import { moment, wholeNumber } from '../arguments.ts';
import { jsonStream, printLines, statusLine } from '../output.ts';
import { withOfflineApp } from '../with-app.ts';

interface AuditFlags {
  readonly since?: string;
  readonly sample?: number;
  readonly deep?: boolean;
  readonly repair?: boolean;
  readonly receipts?: boolean;
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
      withOfflineApp(command, (app, { json }) => printAudit(app, flags, json)),
    );
}

async function printAudit(app: OfflineApp, flags: AuditFlags, json: boolean): Promise<0 | 1> {
  if (!(await hasRecordings(app))) return nothingToAudit(app, json);
  const { settings, ledger, report, clock } = app;
  const { sample, deep = false, repair = false, receipts = false } = flags;
  const since = flags.since === undefined ? undefined : moment(flags.since, clock.now(), settings.timezone);
  const out = json ? jsonStream('findings') : undefined;
  const status = statusLine();
  const onProgress = (checked: number, rows: number): void =>
    status.show(`checked ${checked} of ${rows} recordings`);
  await using audit = runAudit(
    { settings, ledger, report, clock, onProgress },
    { since, sample, deep, repair, receipts },
    new AbortController().signal,
  );
  try {
    for (;;) {
      const step = await audit.next();
      status.clear();
      if (step.done === true) {
        if (out === undefined) printSummary(step.value);
        else out.end({ ...step.value });
        return step.value.ok ? 0 : 1;
      }
      if (out === undefined) printFinding(step.value);
      else out.item(step.value);
    }
  } finally {
    status.clear();
  }
}

function nothingToAudit({ loaded }: OfflineApp, json: boolean): 0 {
  if (json) jsonStream('findings').end(NOTHING_TO_AUDIT);
  else printLines([`there is nothing to audit: ${whyNoRecordings(loaded)}`]);
  return 0;
}

function printFinding({ sign, key, reason, repair }: AuditedFinding): void {
  printLines([`${sign} ${key}: ${reason}${repair === undefined ? '' : ` (${repair})`}`]);
}

function printSummary(summary: AuditSummary): void {
  const { checked, same, missing, extra, differing, errors, repaired: repairs, receipts, open } = summary;
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
  ]);
}
