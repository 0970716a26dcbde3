import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backlogGuard } from '../../../../src/ingest/extract/backlog.ts';
import { FORGET_MS, processTar } from '../../../../src/ingest/extract/process-tar.ts';
import { syncByProgram } from '../../../../src/platform/linux/index.ts';
import { createTimeSlices } from '../../../../src/ingest/extract/time-slices.ts';
import type { Ledger } from '../../../../src/domain/ledger.ts';
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

/** A tar that has landed, and what it takes to extract it; `change` is made to the ledger that extraction sees. */
async function landed(name: string, tar: Buffer, change: (ledger: Ledger) => Ledger, queues: object) {
  const configFile = join(root, 'wavspool.yaml');
  const paths = { data: join(root, 'data'), incoming: join(root, 'incoming') };
  writeFileSync(configFile, JSON.stringify({ paths, extract: { copy: false } }));
  const { settings } = loadSettings({ configFile, env: {} });
  const clock = systemClock;
  const ledger = await openSqliteLedger({ file: settings.paths.state, maxRetries: 5, clock, random, report });
  const app: IngestDeps = {
    settings,
    clock,
    random,
    report,
    ledger: change(ledger),
    queues: queues as unknown as Queues,
  };
  const path = join(settings.paths.incoming, name);
  mkdirSync(settings.paths.incoming, { recursive: true });
  writeFileSync(path, tar);
  const { size, mtimeMs } = statSync(path);
  const signal = new AbortController().signal;
  const stopping = new AbortController();
  const extractor = {
    app,
    backlog: backlogGuard(app),
    hold: createHold(clock, report, { what: 'extraction', forgetMs: FORGET_MS }),
    stopping: stopping.signal,
    inProcess: {
      away: () => Promise.resolve(undefined),
      turns: createTimeSlices(clock),
      syncFileSystem: syncByProgram,
      needs: new Map<string, number>(),
      askStore: () => Promise.resolve(undefined),
    },
  };
  const version = { path, size, mtimeMs: Math.floor(mtimeMs) };
  return { path, ledger, stopping, extract: () => processTar(extractor, version, signal) };
}

const call = (body: string): Buffer => makeTar([{ name: 'call.wav', body: Buffer.from(body) }]);

test('a tar that is extracted does not fail because its recordings cannot be queued', async () => {
  // what Redis says without memory: no fault of the connection, and none of a kind that wavspool has a code for
  const full = Object.assign(new Error("OOM command not allowed when used memory > 'maxmemory'."), {
    name: 'ReplyError',
  });
  const queues = { upload: { ensure: () => Promise.reject(full) } };
  const { path, ledger, extract } = await landed('a.tar', call('RIFF'), (whole) => whole, queues);
  expect(await extract()).toMatchObject({ kind: 'later', why: full.message });
  expect(await ledger.tars.get(path)).toMatchObject({ path });
  expect(await ledger.tars.failure(path)).toBeUndefined();
  await ledger.close();
});

test('of two tars at once with other bytes of one name the later is read again at once, and no retry is spent', async () => {
  const queues = { upload: { ensure: () => Promise.resolve([]) } };
  const first = await landed('a.tar', call('one call'), (whole) => whole, queues);
  let looks = 0;
  /** As if the first tar were committed between the look at its names and the commit. */
  const blindOnce = ({ tars, ...rest }: Ledger): Ledger => ({
    ...rest,
    tars: {
      ...tars,
      occupants: (paths) => ((looks += 1) === 1 ? Promise.resolve(new Map()) : tars.occupants(paths)),
    },
  });
  const second = await landed('b.tar', call('another'), blindOnce, queues);
  expect(await first.extract()).toEqual({ kind: 'done' });
  expect(await second.extract()).toMatchObject({ kind: 'later', delayMs: 0 });
  expect(await second.ledger.tars.failure(second.path)).toBeUndefined();
  expect(await second.extract()).toEqual({ kind: 'done' });
  const { rows } = await second.ledger.catalogue.list({ limit: 10 });
  expect(rows.map(({ path, retryCount }) => [path.replace(`${root}/data/`, ''), retryCount])).toEqual([
    ['extracted/b/call.wav', 0],
    ['extracted/call.wav', 0],
  ]);
  await first.ledger.close();
  await second.ledger.close();
});

test('P7: a question that is cut off because the process ends costs the tar nothing: the job is given back', async () => {
  const queues = { upload: { ensure: () => Promise.resolve([]) } };
  const stop: { now?: AbortController } = {};
  const cutOff = ({ tars, ...rest }: Ledger): Ledger => ({
    ...rest,
    tars: {
      ...tars,
      occupants: () => {
        stop.now?.abort();
        return Promise.reject(stop.now?.signal.reason as Error);
      },
    },
  });
  const { path, ledger, stopping, extract } = await landed('a.tar', call('RIFF'), cutOff, queues);
  stop.now = stopping;
  expect(await extract()).toEqual({ kind: 'release' });
  expect(await ledger.tars.failure(path)).toBeUndefined();
  await ledger.close();
});
