import { appendFile, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runLogrotate } from '../support/logrotate.ts';
import {
  archivedNumbers,
  countLines,
  logEntry,
  numbersIn,
  startLogWriter,
  startRotationRig,
  type RotationRig,
} from '../support/rotation.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

// Rotates under a writer in another process, counts every line, and prints the table of docs/rotation.md: wavspool on both of
// its ways, and logrotate; a torn line counts as lost. Run: npm run soak:rotate -- [--rotations 200] [--pause 50] [--gib 3]; it mounts a tmpfs, so it needs root.

const { values } = parseArgs({
  options: {
    rotations: { type: 'string', default: '200' },
    /** ms between two rotations. */
    pause: { type: 'string', default: '50' },
    /** Size of the tmpfs. */
    gib: { type: 'string', default: '3' },
  },
});
const rotations = Number(values.rotations);
const pauseMs = Number(values.pause);
const ENTRY = { rotate: rotations + 10 };

type Program = 'wavspool' | 'logrotate';

interface Figures {
  readonly lines: number;
  readonly lost: number;
  readonly twice: number;
  readonly windowUs: number;
  readonly longestWriteMs: number;
}

async function rotateOnce(rig: RotationRig, program: Program): Promise<number> {
  if (program === 'logrotate') {
    const { ok, said } = runLogrotate(rig.directory, logEntry(rig.log, ENTRY), Date.now());
    if (!ok) throw new Error(said);
    return 0;
  }
  const result = await rig.rotate(ENTRY);
  if (result.outcome !== 'rotated') throw new Error(JSON.stringify(result));
  return result.windowUs;
}

async function measure(rig: RotationRig, program: Program, rate: number, times: number): Promise<Figures> {
  const writer = await startLogWriter(rig.log, { rate });
  let windowUs = 0;
  for (let round = 0; round < times; round += 1) {
    await delay(pauseMs);
    windowUs = Math.max(windowUs, await rotateOnce(rig, program));
  }
  const { lines, longestUs } = await writer.stop();
  // what is left goes the same way: nobody writes any more
  await rotateOnce(rig, program);
  const found = await archivedNumbers(rig.directory, rig.log, 'is lost');
  for (const number of numbersIn(await readFile(rig.log, 'utf8'), 'is lost')) found.push(number);
  const { lost, twice } = countLines(found, lines);
  return { lines, lost, twice, windowUs, longestWriteMs: Math.round(longestUs / 100) / 10 };
}

function row(cells: readonly (string | number)[]): void {
  console.log(
    `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)).join(' | ')} |`,
  );
}

function say(program: Program, where: string, what: string, figures: Figures): void {
  const { lines, lost, twice, windowUs, longestWriteMs } = figures;
  const window = program === 'logrotate' ? 'not told' : `${windowUs.toLocaleString('en')} µs`;
  row([program, where, what, lines, lost, twice, window, `${longestWriteMs} ms`]);
}

row(['program', 'file system', 'writer', 'lines', 'lost', 'twice', 'widest window', 'longest write']);
row(Array.from({ length: 8 }, () => '---'));
await using disk = await mountSmallDisk(Number(values.gib) * 1024);
for (const [where, parent] of [
  ['the temporary directory’s', undefined],
  ['tmpfs', disk.path],
] as const) {
  for (const rate of [1000, 20_000, 0]) {
    for (const program of ['wavspool', 'logrotate'] as const) {
      await using rig = await startRotationRig(parent);
      const what = rate === 0 ? 'unthrottled' : `${rate.toLocaleString('en')} lines/s`;
      say(program, where, what, await measure(rig, program, rate, rotations));
    }
  }
}
for (const mebibytes of [100, 500]) {
  for (const program of ['wavspool', 'logrotate'] as const) {
    await using rig = await startRotationRig();
    const filler = `${'0'.repeat(12)} ${'x'.repeat(86)}\n`.repeat((mebibytes * 1024 * 1024) / 100);
    await appendFile(rig.log, filler);
    const writer = await startLogWriter(rig.log, { rate: 1000 });
    await delay(500);
    const windowUs = await rotateOnce(rig, program);
    await delay(500);
    const { lines, longestUs } = await writer.stop();
    await rotateOnce(rig, program);
    const found = (await archivedNumbers(rig.directory, rig.log, 'is lost')).slice(filler.length / 100);
    for (const number of numbersIn(await readFile(rig.log, 'utf8'), 'is lost')) found.push(number);
    const { lost, twice } = countLines(found, lines);
    const figures = { lines, lost, twice, windowUs, longestWriteMs: Math.round(longestUs / 100) / 10 };
    say(program, 'the temporary directory’s', `1,000 lines/s, once at ${mebibytes} MiB`, figures);
    await rm(rig.log);
  }
}
