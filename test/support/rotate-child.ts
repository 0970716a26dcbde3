import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { collapseWithFallocate, rotateLog, type CollapseRange } from '../../src/logrotate/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { logEntry } from './rotation.ts';

// Rotates a log again and again until it is killed; with --once, once. Prints "ready" first, then every result.

const { values } = parseArgs({
  options: {
    log: { type: 'string', default: '' },
    compress: { type: 'boolean', default: false },
    move: { type: 'boolean', default: false },
    /** As on a file system that cannot collapse. */
    window: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    /** When it kills itself: before- or after-, collapse or truncation. */
    die: { type: 'string', default: '' },
  },
});
const { log, compress, move, window, once, die } = values;
const dieAt = (moment: string): void => {
  if (moment === die) process.kill(process.pid, 'SIGKILL');
};
const collapse: CollapseRange = async (...args) => {
  dieAt('before-collapse');
  const why = window ? 'Operation not supported' : await collapseWithFallocate(...args);
  dieAt('after-collapse');
  return why;
};
const clock = {
  ...systemClock,
  monotonicMs: () => {
    // what is looked at around the truncation
    if (existsSync(`${log}.1`)) dieAt(statSync(log).size > 0 ? 'before-truncation' : 'after-truncation');
    return systemClock.monotonicMs();
  },
};
const deps = {
  clock,
  report: () => undefined,
  timezone: 'UTC',
  directory: join(dirname(log), '.state'),
  collapse,
};
const entry = logEntry(log, { rotate: 1_000_000, compress, missingok: true, copytruncate: !move });
process.stdout.write('ready\n');
for (;;) {
  for (const result of await rotateLog(deps, entry, { force: true }, new AbortController().signal))
    process.stdout.write(`${JSON.stringify(result)}\n`);
  if (once) break;
}
