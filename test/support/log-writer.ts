import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

// A program that logs: one write per line, numbered from 0, until the file `stop` appears; then it prints how many lines it
// wrote and the longest write in µs. Run: node log-writer.ts --log F --stop F [--rate LINES/S] [--bytes N] [--how …]

const { values } = parseArgs({
  options: {
    log: { type: 'string', default: '' },
    stop: { type: 'string', default: '' },
    /** 0: as fast as it can. */
    rate: { type: 'string', default: '0' },
    /** Of a line, with its newline. */
    bytes: { type: 'string', default: '100' },
    /** append; offset: without O_APPEND; reopen: opens and closes the log for every line. */
    how: { type: 'string', default: 'append' },
    /** Never two lines closer than the rate says: what was missed, while it had no CPU, is not made up. */
    'no-bursts': { type: 'boolean', default: false },
  },
});
const { log, stop, how } = values;
const rate = Number(values.rate);
const flags = how === 'offset' ? 'r+' : 'a';
const padding = 'x'.repeat(Math.max(0, Number(values.bytes) - 14));
const sleeper = new Int32Array(new SharedArrayBuffer(4));

let fd = openSync(log, 'a');
closeSync(fd);
fd = openSync(log, flags);
process.stdout.write('ready\n');
let startedAt = performance.now();
let lines = 0;
let longestMs = 0;
let lookAgainAt = 0;
for (;;) {
  const now = performance.now();
  if (now >= lookAgainAt) {
    if (existsSync(stop)) break;
    lookAgainAt = now + 20;
  }
  if (rate > 0) {
    const waitMs = startedAt + (lines * 1000) / rate - now;
    if (waitMs > 0) Atomics.wait(sleeper, 0, 0, Math.min(waitMs, 20));
    if (waitMs > 20) continue;
  }
  const line = `${String(lines).padStart(12, '0')} ${padding}\n`;
  const before = performance.now();
  if (how === 'reopen') fd = openSync(log, flags);
  if (writeSync(fd, line) !== line.length) throw new Error(`line ${lines} was not written whole`);
  if (how === 'reopen') closeSync(fd);
  longestMs = Math.max(longestMs, performance.now() - before);
  lines += 1;
  if (values['no-bursts']) startedAt = performance.now() - ((lines - 1) * 1000) / rate;
}
process.stdout.write(`${JSON.stringify({ lines, longestUs: Math.round(longestMs * 1000) })}\n`);
