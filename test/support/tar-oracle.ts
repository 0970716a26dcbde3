import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface OracleSays {
  readonly ok: boolean;
  readonly error?: string;
  /** Regular files, up to where it stumbled. */
  readonly files: readonly { readonly name: string; readonly size: number; readonly sha256: string }[];
}

/** Python's tarfile, kept running, to be asked about one tar after the other. */
export interface TarOracle extends AsyncDisposable {
  ask(path: string): Promise<OracleSays>;
}

export function startOracle(): TarOracle {
  const python = spawn('python3', [join(import.meta.dirname, 'tar-oracle.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (path) => {
      python.stdin.write(`${path}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`the oracle has ended over ${path}`);
      return JSON.parse(value) as OracleSays;
    },
    [Symbol.asyncDispose]: async () => {
      python.stdin.end();
      if (python.exitCode === null) await once(python, 'exit');
    },
  };
}
