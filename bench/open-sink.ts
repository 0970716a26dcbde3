import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Target } from './fleet.ts';

/** A sink in a process of its own. */
export interface Sink {
  readonly pid: number;
  readonly target: Target;
  stop(): Promise<void>;
}

/** Starts a sink that answers after `delayMs`. */
export async function openSink(delayMs: number): Promise<Sink> {
  const child = fork(join(import.meta.dirname, 'sink.ts'), ['0', String(delayMs)]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    pid: child.pid ?? 0,
    target: {
      endpoint: `http://127.0.0.1:${port}`,
      bucket: 'bench',
      accessKeyId: 'bench',
      secretAccessKey: 'bench-secret',
    },
    stop: async () => {
      const closed = once(child, 'close');
      child.kill();
      await closed;
    },
  };
}
