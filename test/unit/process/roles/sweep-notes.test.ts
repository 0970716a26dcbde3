import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryPath, systemClock } from '../../../../src/platform/runtime/index.ts';
import { sweepNotes } from '../../../../src/process/roles/sweep-notes.ts';

test('P3: what killed processes left of their notes goes, and nothing else', async () => {
  const data = await mkdtemp(join(tmpdir(), 'wavspool-notes-'));
  onTestFinished(() => rm(data, { recursive: true }));
  const { pid: dead } = spawnSync('true');
  const left = `.wavspool-${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-${dead}-31cb6382-1.tmp`;
  for (const directory of ['places', 'incoming']) await mkdir(join(data, directory));
  for (const directory of ['', 'places', 'incoming']) await writeFile(join(data, directory, left), 'half');
  const growing = temporaryPath(data);
  await writeFile(growing, 'half');
  await writeFile(join(data, 'state-check.json'), '{}');

  const said: object[] = [];
  await sweepNotes(data, {
    clock: systemClock,
    report: (event, fields) => void said.push({ event, ...fields }),
  });

  const names = async (directory: string) => (await readdir(join(data, directory))).toSorted();
  expect(await names('')).toEqual([growing.slice(data.length + 1), 'incoming', 'places', 'state-check.json']);
  expect(await names('places')).toEqual([]);
  expect(await names('incoming')).toEqual([left]); // extraction and arrival look after what is theirs
  expect(said).toEqual([
    { event: 'temporary files swept', directory: data, files: 1 },
    { event: 'temporary files swept', directory: join(data, 'places'), files: 1 },
  ]);
});
