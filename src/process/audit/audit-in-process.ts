import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { FAULTS, WavspoolError, type FaultCode } from '../../domain/faults.ts';
import type { AuditSummary } from '../../operate/audit/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { AuditHeard, AuditWords } from '../../web/index.ts';
import type { Asked, Said } from './messages.ts';

const PROGRAM = join(import.meta.dirname, 'audit-process.ts');
/** A process that was told to stop and does not is killed after so long. */
const STOP_MS = 15_000;

/**
 * Runs an audit in a process of its own: of a million recordings it sorts the list and hashes what it downloads, and the server that
 * was asked for it goes on answering. It reads the settings that the role has read, and ends with this process. Rejects with the
 * audit's fault, UNKNOWN when it died, or the abort's reason.
 */
export async function auditInProcess(
  { clock, configFile }: { readonly clock: Clock; readonly configFile: string | undefined },
  words: AuditWords,
  heard: AuditHeard,
  signal: AbortSignal,
): Promise<AuditSummary> {
  signal.throwIfAborted();
  const child = fork(PROGRAM, [], {
    env: process.env, // it reads the settings as a role does
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const ended = new AbortController();
  const abort = (): void => void stop(child, clock, ended.signal);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await conversation(child, { kind: 'start', configFile, words }, heard);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
    signal.removeEventListener('abort', abort);
  }
}

async function stop(child: ChildProcess, clock: Clock, ended: AbortSignal): Promise<void> {
  tell(child, { kind: 'abort' });
  await clock.sleep(STOP_MS, ended);
  if (!ended.aborted) child.kill('SIGKILL');
}

function tell(child: ChildProcess, asked: Asked): void {
  // it may have ended meanwhile: its exit says so
  if (child.connected) child.send(asked, () => undefined);
}

/** Resolves when the process is gone, so that all that it held is free. */
function conversation(child: ChildProcess, asked: Asked, heard: AuditHeard): Promise<AuditSummary> {
  return new Promise((resolve, reject) => {
    let last: Extract<Said, { kind: 'done' | 'failed' }> | undefined;
    child.on('message', (said: Said) => {
      if (said.kind === 'progress') heard.progress(said.checked, said.rows);
      else if (said.kind === 'finding') heard.finding(said.finding);
      else last = said;
    });
    child.once('error', reject);
    child.once('exit', (exitCode, killedBy) => {
      if (last?.kind === 'done') resolve(last.summary);
      else if (last?.kind === 'failed') reject(faultOf(last));
      else reject(new Error(`the audit's process died (${killedBy ?? `exit code ${exitCode}`})`));
    });
    tell(child, asked);
  });
}

function faultOf({ code, message }: Extract<Said, { kind: 'failed' }>): Error {
  return code !== undefined && code in FAULTS
    ? new WavspoolError(code as FaultCode, message)
    : new Error(message);
}
