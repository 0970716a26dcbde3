import { messageOf, WavspoolError } from '../../domain/faults.ts';
import { NOTHING_TO_AUDIT, runAudit, type AuditSummary } from '../../operate/audit/index.ts';
import { hasRecordings, openOfflineApp } from '../app.ts';
import type { Asked, Said } from './messages.ts';

// The other end of audit-in-process.ts. It ends when its parent does: nobody would hear what it finds.

/** How often progress is told; an audit without findings still shows that it goes on. */
const TOLD_MS = 200;

const stopping = new AbortController();

process.once('disconnect', () => process.exit(1));
process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group: the parent stops us in order
process.on('SIGTERM', () => stopping.abort());
process.on('message', (asked: Asked) => {
  if (asked.kind === 'abort') stopping.abort();
  else void run(asked);
});

function say(said: Said, then?: () => void): void {
  process.send?.(said, undefined, undefined, then);
}

function printError(text: string): void {
  process.stderr.write(text);
}

async function run(asked: Extract<Asked, { kind: 'start' }>): Promise<void> {
  let said: Said;
  try {
    said = { kind: 'done', summary: await audit(asked) };
  } catch (error) {
    const code = error instanceof WavspoolError ? error.code : undefined;
    said = { kind: 'failed', code, message: messageOf(error) };
  }
  say(said, () => process.exit(0));
}

async function audit({ configFile, words }: Extract<Asked, { kind: 'start' }>): Promise<AuditSummary> {
  const { env } = process;
  const app = await openOfflineApp({ configFile, env, cwd: process.cwd(), stderr: printError });
  try {
    if (!(await hasRecordings(app))) return NOTHING_TO_AUDIT;
    let toldAt = -TOLD_MS;
    const onProgress = (checked: number, rows: number): void => {
      const now = app.clock.monotonicMs();
      if (checked < rows && now - toldAt < TOLD_MS) return;
      toldAt = now;
      say({ kind: 'progress', checked, rows });
    };
    const { since, sample, deep = false, repair = false, receipts = false } = words;
    const asked = { since, sample, deep, repair, receipts };
    await using found = runAudit({ ...app, onProgress }, asked, stopping.signal);
    for (;;) {
      const step = await found.next();
      if (step.done === true) return step.value;
      say({ kind: 'finding', finding: step.value });
    }
  } finally {
    await app.close();
  }
}
