import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backlogGuard } from '../../../../src/ingest/extract/backlog.ts';
import { FORGET_MS, processTar } from '../../../../src/ingest/extract/process-tar.ts';
import { syncByProgram } from '../../../../src/platform/linux/index.ts';
import { createTimeSlices } from '../../../../src/ingest/extract/time-slices.ts';
import type { IngestDeps } from '../../../../src/ingest/deps.ts';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { createHold, type Queues } from '../../../../src/platform/queue/index.ts';
import { systemClock } from '../../../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../../../src/platform/state/index.ts';
import { makeTar } from '../../../support/tars.ts';

const report = (): void => undefined;
const random = (): number => 0.5;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wavspool-process-'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('a tar that is extracted does not fail because its recordings cannot be queued', async () => {
  const configFile = join(root, 'wavspool.yaml');
  writeFileSync(configFile, `paths: { data: ${root}/data, incoming: ${root}/incoming }`);
  const { settings } = loadSettings({ configFile, env: {} });
  const clock = systemClock;
  const ledger = await openSqliteLedger({ file: settings.paths.state, maxRetries: 5, clock, random, report });
  // what Redis says without memory: no fault of the connection, and none of a kind that wavspool has a code for
  const full = Object.assign(new Error("OOM command not allowed when used memory > 'maxmemory'."), {
    name: 'ReplyError',
  });
  const queues = { upload: { ensure: () => Promise.reject(full) } } as unknown as Queues;
  const app: IngestDeps = { settings, clock, random, report, ledger, queues };
  const path = join(settings.paths.incoming, 'a.tar');
  mkdirSync(settings.paths.incoming);
  writeFileSync(path, makeTar([{ name: '1.wav', body: Buffer.from('RIFF') }]));
  const { size, mtimeMs } = statSync(path);
  const signal = new AbortController().signal;
  const extractor = {
    app,
    backlog: backlogGuard(app),
    hold: createHold(clock, report, { what: 'extraction', forgetMs: FORGET_MS }),
    stopping: signal,
    inProcess: {
      away: () => Promise.resolve(undefined),
      turns: createTimeSlices(clock),
      syncFileSystem: syncByProgram,
      needs: new Map<string, number>(),
      askStore: () => Promise.resolve(undefined),
    },
  };
  const outcome = await processTar(extractor, { path, size, mtimeMs: Math.floor(mtimeMs) }, signal);
  expect(outcome).toMatchObject({ kind: 'later', why: full.message });
  expect(await ledger.tars.get(path)).toMatchObject({ path });
  expect(await ledger.tars.failure(path)).toBeUndefined();
  await ledger.close();
});
