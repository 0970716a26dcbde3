import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { rotateLog, rotationState } from '../../src/maintenance/logrotate/index.ts';
import { until } from '../support/ports.ts';
import { logEntry, startRotationRig, type RotationRig } from '../support/rotation.ts';
import { startSwapper } from '../support/swapper.ts';

// Root rotates where others may write; patterns that take archives for logs; writers that nobody sees.

const NOBODY = 65_534;
const asRoot = test.runIf(process.geteuid?.() === 0);
const NEVER = new AbortController().signal;

/** A log of somebody else's in a directory of his. */
async function hisLog(rig: RotationRig): Promise<string> {
  await chmod(rig.directory, 0o755);
  const logs = join(rig.directory, 'home/logs');
  await mkdir(logs, { recursive: true });
  await writeFile(join(logs, 'app.log'), 'one\ntwo\n', { mode: 0o640 });
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, join(rig.directory, 'home')]);
  return join(logs, 'app.log');
}

asRoot.each([{ copytruncate: true }, { copytruncate: false }])(
  'a log in a directory of another user is rotated by root like any other: %o',
  async (how) => {
    await using rig = await startRotationRig();
    const log = await hisLog(rig);
    const entry = { ...logEntry(log), ...how, compress: true, dir: join(rig.directory, 'home/old') };
    const [first] = await rotateLog(rig.deps, entry, {}, NEVER);
    expect(first).toMatchObject({
      log,
      outcome: 'rotated',
      archive: join(rig.directory, 'home/old/app.log.1.gz'),
    });
    await appendFile(log, 'three\n');
    const [second] = await rotateLog(rig.deps, entry, {}, NEVER);
    expect(second).toMatchObject({ outcome: 'rotated' });
    const old = join(rig.directory, 'home/old');
    const text = async (name: string): Promise<string> =>
      gunzipSync(await readFile(join(old, name))).toString();
    expect([await text('app.log.2.gz'), await text('app.log.1.gz')]).toEqual(['one\ntwo\n', 'three\n']);
    if (how.copytruncate) {
      const { uid, mode } = await stat(join(old, 'app.log.2.gz'));
      expect([uid, mode & 0o777]).toEqual([NOBODY, 0o640]);
    }
    const told = JSON.stringify([first, second, rig.events, await rotationState(rig.deps.directory, entry)]);
    expect(told).not.toContain('/proc/self');
  },
);

asRoot(
  'P13: the owner of the directories swaps them for links, and no archive lands elsewhere',
  async () => {
    await using rig = await startRotationRig();
    const secret = join(rig.directory, 'secret');
    await mkdir(secret, { mode: 0o700 });
    await writeFile(join(secret, 'app.log'), 'of root\n');
    await hisLog(rig);
    const logs = join(rig.directory, 'home/logs');
    for (const swapped of [logs, join(logs, 'app.log')]) {
      const target = swapped === logs ? secret : join(secret, 'app.log');
      await using swapper = await startSwapper(NOBODY, target, [swapped]);
      const outcomes = new Set<string>();
      const before = swapper.swaps();
      for (let round = 0; round < 40 || swapper.swaps() < before + 50; round += 1) {
        const [result] = await rotateLog(rig.deps, logEntry(join(logs, 'app.log')), {}, NEVER);
        outcomes.add(result?.outcome ?? '');
        expect(await readdir(secret)).toEqual(['app.log']);
        expect(await readFile(join(secret, 'app.log'), 'utf8')).toBe('of root\n');
      }
      expect(outcomes.size).toBeGreaterThan(0);
    }
  },
  240_000,
);

test('a pattern does not take its own archives for logs, dated or numbered, whether their log is there or not', async () => {
  await using rig = await startRotationRig();
  const at = (name: string): string => join(rig.directory, name);
  const days = ['2026-11-26T01:00:00Z', '2026-11-27T01:00:00Z', '2026-11-28T01:00:00Z'];
  for (const [name, options] of [
    ['*.log', { dateext: true, extension: '.log', dateformat: '-%Y-%m-%d' }],
    ['*.log', { file: '{name}-{YYYY-MM-DD}.log' }],
    ['app.log*', {}],
  ] as const) {
    for (const day of days) {
      if (day !== days[2]) await writeFile(at('app.log'), `${day}\n`);
      else await rm(at('app.log'), { force: true });
      const clock = { ...rig.deps.clock, now: () => Date.parse(day) };
      await rotateLog({ ...rig.deps, clock }, logEntry(at(name), options), {}, NEVER);
    }
    const archives = (await rig.names()).filter((one) => one !== 'app.log');
    expect(archives).toHaveLength(2);
    for (const archive of archives) await rm(at(archive));
  }
});

test('a second rotation for one date leaves the nightly run as it should be, and the lines to the next', async () => {
  await using rig = await startRotationRig();
  const clockAt = (time: string) => ({
    ...rig.deps,
    clock: { ...rig.deps.clock, now: () => Date.parse(time) },
  });
  const entry = logEntry(rig.log, { dateext: true, compress: true });
  await writeFile(rig.log, 'before\n');
  await rotateLog(clockAt('2026-11-28T00:30:00Z'), entry, { force: true }, NEVER);
  await appendFile(rig.log, 'after\n');
  const [nightly] = await rotateLog(clockAt('2026-11-28T01:00:00Z'), entry, {}, NEVER);
  expect(nightly).toMatchObject({
    outcome: 'skipped',
    reason: expect.stringContaining('for this date already'),
  });
  const [next] = await rotateLog(clockAt('2026-11-29T01:00:00Z'), entry, {}, NEVER);
  expect(next).toMatchObject({ outcome: 'rotated' });
  const archived = gunzipSync(await readFile(`${rig.log}-20261129.gz`)).toString();
  expect(archived).toBe('after\n');
});

asRoot(
  'a writer that this process cannot see is reported, and that he keeps an offset of his own once it shows',
  async () => {
    await using rig = await startRotationRig();
    // he sits in the outer process namespace, and the rotation in one of its own: it is given his log and nobody who has it open
    const line = 'printf "%0200d\\n" 1 >&5';
    const writer = spawn('sh', ['-c', `exec 5>"$0"; while :; do ${line}; sleep 0.005; done`, rig.log]);
    try {
      await until(
        'he writes',
        async () => ((await stat(rig.log).catch(() => undefined))?.size ?? 0) > 20_000,
      );
      const rotate = (): string =>
        execFileSync('unshare', ['--pid', '--fork', '--mount-proc', process.execPath, '-e', rotating(rig)], {
          encoding: 'utf8',
        });
      expect(rotate()).toContain('log writer hidden {"log":"' + rig.log + '","appends":null}');
      const size = (await stat(rig.log)).size;
      await until('he writes on', async () => (await stat(rig.log)).size > size);
      expect(rotate()).toContain('"appends":false');
    } finally {
      writer.kill('SIGKILL');
      await once(writer, 'exit');
    }
  },
);

/** The address of a folder of the sources, as a program has it. */
function moduleOf(folder: string): string {
  return JSON.stringify(import.meta.resolve(`../../src/${folder}/index.ts`));
}

function rotating(rig: RotationRig): string {
  const entry = JSON.stringify(logEntry(rig.log));
  return `Promise.all([import(${moduleOf('maintenance/logrotate')}), import(${moduleOf('platform/runtime')})]).then(([m, r]) => m.rotateLog({
    clock: r.systemClock, report: (event, fields) => console.log(event, JSON.stringify(fields)), timezone: 'UTC',
    directory: ${JSON.stringify(rig.deps.directory)}, collapse: m.collapseWithFallocate,
  }, ${entry}, {}, new AbortController().signal))`;
}
