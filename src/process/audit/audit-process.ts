import { NOTHING_TO_AUDIT, runAudit, type AuditSummary } from '../../operate/audit/index.ts';
import { hasRecordings, openOfflineApp } from '../app.ts';
import { serveTask } from '../../platform/runtime/index.ts';
import type { AuditTask, AuditTold } from './messages.ts';

// The other end of audit-in-process.ts.

/** How often progress is told; an audit without findings still shows that it goes on. */
const TOLD_MS = 200;

const { signal, tell } = serveTask<AuditTold>(audit);

function printError(text: string): void {
  process.stderr.write(text);
}

async function audit({ configFile, words, site }: AuditTask): Promise<AuditSummary> {
  const { env } = process;
  const app = await openOfflineApp({ configFile, env, cwd: process.cwd(), site, stderr: printError });
  try {
    const isElsewhere = site !== undefined;
    if (!isElsewhere && !(await hasRecordings(app))) return NOTHING_TO_AUDIT;
    let toldAt = -TOLD_MS;
    const onProgress = (checked: number, rows: number): void => {
      const now = app.clock.monotonicMs();
      if (checked < rows && now - toldAt < TOLD_MS) return;
      toldAt = now;
      tell({ kind: 'progress', checked, rows });
    };
    const { since, sample, deep = false, repair = false, receipts = false } = words;
    const asked = { since, sample, deep, repair, receipts };
    await using found = runAudit({ ...app, onProgress, isElsewhere }, asked, signal);
    for (;;) {
      const step = await found.next();
      if (step.done === true) return step.value;
      tell({ kind: 'finding', finding: step.value });
    }
  } finally {
    await app.close();
  }
}
