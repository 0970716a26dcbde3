import { join } from 'node:path';
import type { AuditSummary } from '../../operate/audit/index.ts';
import { runInProcess, type Clock } from '../../platform/runtime/index.ts';
import type { AuditHeard, AuditWords } from '../../web/index.ts';
import type { AuditTask, AuditTold } from './messages.ts';

const PROGRAM = join(import.meta.dirname, 'audit-process.ts');

/**
 * Runs an audit in a process of its own: of a million recordings it sorts the list and hashes what it downloads, and the server that
 * was asked for it goes on answering. It reads the settings that the role has read. Rejects with the audit's fault, UNKNOWN when it died,
 * or the abort's reason.
 */
export async function auditInProcess(
  {
    clock,
    configFile,
    site,
  }: { readonly clock: Clock; readonly configFile: string | undefined; readonly site?: string | undefined },
  words: AuditWords,
  heard: AuditHeard,
  signal: AbortSignal,
): Promise<AuditSummary> {
  const hear = (told: AuditTold): void => {
    if (told.kind === 'progress') heard.progress(told.checked, told.rows);
    else heard.finding(told.finding);
  };
  const task: AuditTask = { configFile, words, site };
  // its environment is ours: it reads the settings as a role does
  const asked = { program: PROGRAM, name: 'audit', env: process.env, task, hear };
  return (await runInProcess(asked, clock, signal)) as AuditSummary;
}
