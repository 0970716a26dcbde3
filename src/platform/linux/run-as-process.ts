import { tellFault } from '../../domain/told-fault.ts';
import type { AskedAs, SaidAs } from './run-as.ts';
import type { User } from './worker-of.ts';

// The other end of run-as.ts.

/** What a module that is run like this offers. */
interface Runnable {
  /** Loads what is loaded late otherwise: afterwards it may not be readable any more. */
  readonly prepare?: () => void;
  readonly run: (input: object, signal: AbortSignal) => Promise<unknown>;
}

const stopping = new AbortController();
process.once('disconnect', () => process.exit(1));
process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group: the parent stops us in order
process.on('SIGTERM', () => stopping.abort());
process.once('message', (asked: AskedAs) => void serve(asked));

async function serve({ module, user, input }: AskedAs): Promise<void> {
  let said: SaidAs;
  try {
    const runnable = (await import(module)) as Runnable;
    runnable.prepare?.();
    become(user);
    said = { kind: 'done', result: await runnable.run(input, stopping.signal) };
  } catch (error) {
    said = { kind: 'fault', fault: tellFault(error) };
  }
  process.send?.(said, undefined, undefined, () => process.exit(0));
}

/** For good: the saved ids go as well. A user whom the host does not know (a container's) has no further groups. */
function become({ uid, gid }: User): void {
  try {
    // Node's types do not know it
    (process as { initgroups?: (user: number, group: number) => void }).initgroups?.(uid, gid);
  } catch {
    process.setgroups?.([gid]);
  }
  process.setgid?.(gid);
  process.setuid?.(uid);
  if (process.geteuid?.() !== uid || process.getuid?.() !== uid)
    throw new Error(`this process could not become the user ${uid}`);
}
