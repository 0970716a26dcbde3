import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
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
  /** On a terminal: what somebody answers to one question after the other. As for one that a script starts, there is none without. */
  readonly answers?: readonly string[];
}

/** Runs one command that ends by itself, in this process: one of its own costs a second of CPU. Several may run at once. */
export async function runCommand(args: readonly string[], called: CalledWith = {}): Promise<Ended> {
  const stdout = collected();
  const stderr = collected();
  const { answers } = called;
  const stdin = answers === undefined ? new PassThrough().end() : answering(answers, stderr);
  const code = await run(args, {
    env: called.env ?? process.env,
    cwd: called.cwd ?? process.cwd(),
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    signals: new EventEmitter(),
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** A keyboard: it types the next answer when a question stands there, and Ctrl-D when there is none left. */
function answering(
  answers: readonly string[],
  { stream, heard }: ReturnType<typeof collected>,
): PassThrough & { readonly isTTY: boolean } {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  Object.assign(stream, { isTTY: true, columns: 200 });
  let next = 0;
  heard((text) => {
    if (!stripVTControlCharacters(text).endsWith('] ')) return;
    const answer = answers[next];
    next += 1;
    setImmediate(() => (answer === undefined ? stdin.end() : stdin.write(`${answer}\n`)));
  });
  return stdin;
}

function collected(): {
  readonly stream: Writable;
  text(): string;
  readonly heard: (by: (text: string) => void) => void;
} {
  let told: ((text: string) => void) | undefined;
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      told?.(chunk.toString('utf8'));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8'), heard: (by) => (told = by) };
}
