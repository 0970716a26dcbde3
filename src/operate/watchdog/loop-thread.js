import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

// The other side of loop-guard.ts: nothing here may need the main thread, which is the one that does not answer. Plain
// JavaScript, because stripping types would need more memory than all of it.

/** @type {{ beats: Int32Array<SharedArrayBuffer>, beatMs: number, missed: number }} */
const { beats, beatMs, missed } = workerData;
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const STDERR = 2;

let last = -1;
for (let silent = 0; silent < missed;) {
  Atomics.wait(never, 0, 0, beatMs);
  const now = Atomics.load(beats, 0);
  silent = now === last ? silent + 1 : 0;
  last = now;
}
writeSync(
  STDERR,
  `wavspool: the event loop was blocked for ${(missed * beatMs) / 1000} s: this process ends itself\n`,
);
process.kill(process.pid, 'SIGKILL');
