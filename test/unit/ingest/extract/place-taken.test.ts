import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { extractTar } from '../../../../src/ingest/extract/index.ts';
import { faultCode } from '../../../../src/domain/faults.ts';
import type { TarLedger } from '../../../../src/domain/ledger.ts';
import { systemClock } from '../../../../src/platform/runtime/index.ts';
import { openBench } from '../../../support/extraction.ts';
import { makeTar } from '../../../support/tars.ts';

test('P5: a recording whose row came, and whose file went, after the look at its place keeps both; the tar gets another name when it is tried again', async () => {
  await using bench = await openBench();
  const { ledger, incoming, extracted, limits } = bench;
  const path = join(extracted, 'call.wav');
  const first = await bench.land(
    'a.tar',
    makeTar([{ name: 'call.wav', body: Buffer.from('the first call') }]),
  );
  expect((await bench.extract(first)).fault).toBeUndefined();
  const row = await ledger.recordings.get(path);
  const { size = 0, sha256 = '' } = row ?? {};
  await ledger.recordings.stored(path, { key: 'call.wav', size, sha256, etag: 'e', versionId: undefined });
  await rm(path); // as cleanup does once it is in the bucket

  const second = await bench.land(
    'b.tar',
    makeTar([{ name: 'call.wav', body: Buffer.from('another call') }]),
  );
  const version = await stat(second);
  const tars: TarLedger = { ...ledger.tars, occupants: () => Promise.resolve(new Map()) };
  const deps = { tars, limits, unterminated: 'incomplete' as const, incoming, extracted, clock: systemClock };
  const tar = { path: second, size: version.size, mtimeMs: Math.floor(version.mtimeMs) };
  const extracting = extractTar({ ...deps, report: () => undefined }, tar, new AbortController().signal);
  expect(await extracting.catch(faultCode)).toBe('PLACE_TAKEN');
  expect(await ledger.recordings.get(path)).toMatchObject({ status: 'SUCCESS', sha256, tar: first });
  expect(await ledger.tars.get(second)).toBeUndefined();

  const again = await bench.extract(second);
  expect(again.rows).toMatchObject([{ path: join(extracted, 'b', 'call.wav'), status: 'PENDING' }]);
  expect(await ledger.recordings.get(path)).toMatchObject({ status: 'SUCCESS', sha256 });
});
