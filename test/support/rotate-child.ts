import fs from 'node:fs';
import { flushCompileCache, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

// Rotates a log again and again until it is killed; with --once, once. Prints "ready" first, then every result. With --die-at N
// it kills itself before the Nth change that it makes to the file system, and ends well when there are fewer.

const { values } = parseArgs({
  options: {
    log: { type: 'string', default: '' },
    rotate: { type: 'string', default: '1000000' },
    compress: { type: 'boolean', default: false },
    move: { type: 'boolean', default: false },
    /** As on a file system that cannot collapse. */
    window: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    'die-at': { type: 'string', default: '0' },
  },
});
const { log, rotate, compress, move, window, once } = values;

let changes = 0;
function changing(): void {
  changes += 1;
  if (changes === Number(values['die-at'])) process.kill(process.pid, 'SIGKILL');
}

/** Has `changing` called before each of these, where `isChange` says so of its arguments. */
function count(
  target: object,
  names: readonly string[],
  isChange: (args: readonly unknown[]) => boolean = () => true,
): void {
  for (const name of names) {
    const original: unknown = Reflect.get(target, name);
    if (typeof original !== 'function') throw new Error(`there is no ${name}`);
    Reflect.set(target, name, function counted(this: unknown, ...args: readonly unknown[]): unknown {
      if (isChange(args)) changing();
      return Reflect.apply(original, this, args);
    });
  }
}

const probe = await fs.promises.open(tmpdir(), 'r');
count(Reflect.getPrototypeOf(probe) ?? {}, ['write', 'writeFile', 'truncate', 'chmod', 'utimes', 'sync']);
await probe.close();
count(fs.promises, ['rename', 'link', 'unlink', 'rm', 'mkdir']);
// not what the window practises on its archive, which has that length already
count(fs, ['ftruncateSync'], ([, length]) => length === 0);
count(fs, ['writeSync']);
syncBuiltinESMExports();

// only now: what is imported takes the functions as they are then
const { collapseWithFallocate, rotateLog } = await import('../../src/maintenance/logrotate/index.ts');
const { systemClock } = await import('../../src/platform/runtime/index.ts');
const { logEntry } = await import('./rotation.ts');

const deps = {
  clock: systemClock,
  report: () => undefined,
  timezone: 'UTC',
  directory: join(dirname(log), '.state'),
  collapse: async (fd: number, bytes: number, lockFd: number) => {
    changing();
    return window ? 'Operation not supported' : collapseWithFallocate(fd, bytes, lockFd);
  },
};
const entry = logEntry(log, { rotate: Number(rotate), compress, missingok: true, copytruncate: !move });
flushCompileCache(); // the next child starts quickly though this one is killed
process.stdout.write('ready\n');
for (;;) {
  for (const result of await rotateLog(deps, entry, { force: true }, new AbortController().signal))
    process.stdout.write(`${JSON.stringify(result)}\n`);
  if (once) break;
}
