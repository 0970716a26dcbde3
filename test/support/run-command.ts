import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { runCommand as run } from '../../src/cli/main.ts';

/** What a command ended with. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CalledWith {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs one command that ends by itself, in this process: one of its own costs a second of CPU. As for one that a script starts,
 * there is no terminal and nothing to read. Several may run at once.
 */
export async function runCommand(args: readonly string[], called: CalledWith = {}): Promise<Ended> {
  const stdout = collected();
  const stderr = collected();
  const code = await run(args, {
    env: called.env ?? process.env,
    cwd: called.cwd ?? process.cwd(),
    stdin: new PassThrough().end(),
    stdout: stdout.stream,
    stderr: stderr.stream,
    signals: new EventEmitter(),
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collected(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
