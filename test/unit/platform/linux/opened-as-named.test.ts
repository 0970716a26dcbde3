import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { chmodAsNamed } from '../../../../src/platform/linux/index.ts';

const asRoot = test.runIf(process.geteuid?.() === 0);

asRoot('a log that other programs make and remove meanwhile is no file that root was led to', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'wavspool-named-'));
  const log = join(directory, 'state.db-wal');
  const others = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { writeFileSync, rmSync } = require('node:fs');
     parentPort.postMessage('begun');
     const rest = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.1);
     for (;;) { writeFileSync(workerData, ''); rest(); rmSync(workerData); rest(); }`,
    { eval: true, workerData: log },
  );
  await once(others, 'message');
  const seen = new Set<boolean>();
  for (let looks = 0; looks < 5000 || seen.size < 2; looks += 1) seen.add(chmodAsNamed(log, 0o600));
  expect(seen).toEqual(new Set([true, false]));
  await others.terminate();
  rmSync(directory, { recursive: true });
});
