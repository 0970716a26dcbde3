import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  collapseWithFallocate,
  rotateLog,
  type LogEntry,
  type RotationResult,
} from '../../src/maintenance/logrotate/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { runLogrotate } from '../support/logrotate.ts';
import { logEntry } from '../support/rotation.ts';

// The same files and options, day after day, given to logrotate and to wavspool, leave the same names, contents and times.

const FIRST_DAY = Date.parse('2026-10-29T03:00:00Z');
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

type Options = Omit<Partial<LogEntry>, 'dir'> & { dir?: 'old' };
interface Case {
  readonly options: Options;
  readonly days?: number;
  readonly force?: boolean;
  /** Before the first day. */
  readonly before?: (directory: string) => Promise<unknown>;
  /** The log's content on a day; null: it is not there. */
  readonly log?: (day: number) => string | null;
  /** Options that differ from a day on. */
  readonly later?: { readonly from: number; readonly options: Options };
}

const put =
  (files: Readonly<Record<string, number>>) =>
  async (directory: string): Promise<void> => {
    for (const [name, ageDays] of Object.entries(files)) {
      await writeFile(join(directory, name), `old ${name}\n`);
      const at = (FIRST_DAY - ageDays * DAY_MS) / 1000;
      await utimes(join(directory, name), at, at);
    }
  };

const CASES: Readonly<Record<string, Case>> = {
  'numbered, the oldest goes': { options: { rotate: 3 }, days: 5 },
  'renamed instead of copied': { options: { rotate: 3, copytruncate: false }, days: 5 },
  'renamed and compressed': { options: { rotate: 2, copytruncate: false, compress: true }, days: 4 },
  'compressed (0008)': { options: { compress: true, rotate: 2 }, days: 4 },
  'compressed a rotation later (0072)': {
    options: { compress: true, delaycompress: true, rotate: 3 },
    days: 5,
  },
  'compressed a rotation later, one kept': { options: { compress: true, delaycompress: true, rotate: 1 } },
  'compressed a rotation later, none kept (0088)': {
    options: { compress: true, delaycompress: true, rotate: 0 },
  },
  'an archive in the way of the compressed one is put aside (0072)': {
    options: { compress: true, delaycompress: true },
    before: put({ 'app.log.1': 1, 'app.log.1.gz': 1 }),
    days: 1,
  },
  'an archive in the way is put aside': {
    options: { compress: true },
    before: put({ 'app.log.1': 1 }),
    days: 1,
  },
  dated: { options: { dateext: true, rotate: 3 }, days: 5 },
  'dated and compressed': { options: { dateext: true, compress: true, rotate: 2 }, days: 4 },
  'dated and compressed a rotation later': {
    options: { dateext: true, compress: true, delaycompress: true, rotate: 2 },
    days: 5,
  },
  'day first, over the end of a month (0055)': {
    options: { dateext: true, dateformat: '-%d-%m-%Y', rotate: 2 },
    days: 6,
  },
  'in seconds, compressed (0054)': {
    options: { dateext: true, dateformat: '.%s', compress: true, rotate: 2 },
    days: 4,
  },
  'without a dash (0066)': { options: { dateext: true, dateformat: '%Y%m%d', rotate: 2 }, days: 4 },
  'by week': { options: { dateext: true, dateformat: '-%Y-%V-%d', rotate: 2 }, days: 4 },
  'a date that is taken (0030)': {
    options: { dateext: true },
    before: put({ 'app.log-20261029': 0 }),
    days: 1,
  },
  'foreign dates and names': {
    options: { dateext: true, rotate: 1 },
    before: put({
      'app.log-20261001': 28,
      'app.log-2026100': 28,
      'app.log-20261001.bak': 28,
      'xapp.log-20261001': 1,
    }),
    days: 2,
  },
  'an extension': { options: { extension: '.log', compress: true, rotate: 2 }, days: 4 },
  'an extension, dated': {
    options: { extension: '.log', compress: true, dateext: true, rotate: 2 },
    days: 4,
  },
  'another extension': { options: { extension: '.txt' }, days: 2 },
  'another directory (0012)': { options: { dir: 'old', compress: true, rotate: 2 }, days: 4 },
  'another directory, dated': { options: { dir: 'old', dateext: true, rotate: 2 }, days: 4 },
  'from 0 (0006)': { options: { start: 0, rotate: 2 }, days: 4 },
  'from 6 (0007)': { options: { start: 6, rotate: 2, compress: true }, days: 4 },
  'one kept': { options: { rotate: 1 }, days: 3 },
  'none kept (0073)': { options: { rotate: 0 }, before: put({ 'app.log.1': 1 }), days: 2 },
  'none kept, renamed': { options: { rotate: 0, copytruncate: false }, days: 2 },
  'all kept (0082)': { options: { rotate: -1 }, days: 12 },
  'all kept, dated': { options: { rotate: -1, dateext: true }, days: 4 },
  'a gap': {
    options: { rotate: 4 },
    before: put({ 'app.log.2': 2, 'app.log.4': 4, 'app.log.9': 9 }),
    days: 3,
  },
  'maxage (0085)': {
    options: { maxage: 3, rotate: 9 },
    before: put({ 'app.log.1': 1, 'app.log.2': 3, 'app.log.3': 5, 'app.log.4': 2, 'app.log.5': 9 }),
    days: 1,
  },
  'maxage, day after day': { options: { maxage: 2, rotate: 9, compress: true }, days: 6 },
  'maxage, dated (0086)': { options: { maxage: 2, rotate: 9, compress: true, dateext: true }, days: 6 },
  'an empty log': { options: {}, log: () => '', days: 2 },
  'an empty log, notifempty': {
    options: { notifempty: true },
    log: (day) => (day === 1 ? 'x\n' : ''),
    days: 3,
  },
  'a missing log, missingok (0021)': {
    options: { missingok: true },
    log: (day) => (day === 1 ? 'x\n' : null),
    days: 3,
  },
  'a missing log (0022)': { options: {}, log: () => null, days: 1 },
  minsize: { options: { minsize: 10 }, force: false, log: (day) => 'x'.repeat(8 + day), days: 4 },
  'minsize, forced (0053)': { options: { minsize: 10 }, log: () => 'x', days: 1 },
  'maxsize before minsize': {
    options: { minsize: 100, maxsize: 10 },
    force: false,
    log: (day) => 'x'.repeat(9 + day),
    days: 4,
  },
  'a line without an end': { options: { rotate: 2 }, log: (day) => `whole ${day}\nhalf`, days: 3 },
  'compression that begins and ends': {
    options: { rotate: 3 },
    later: { from: 2, options: { rotate: 3, compress: true } },
    days: 4,
  },
  'a symbolic link (0024)': {
    options: {},
    log: () => null,
    before: async (directory) => {
      await writeFile(join(directory, 'true'), 'x\n');
      await symlink('true', join(directory, 'app.log'));
    },
    days: 1,
  },
  'hard links (0090)': {
    options: {},
    log: () => null,
    before: async (directory) => {
      await writeFile(join(directory, 'app.log'), 'x\n');
      await link(join(directory, 'app.log'), join(directory, 'other'));
    },
    days: 1,
  },
  'a directory': {
    options: {},
    log: () => null,
    before: (directory) => mkdir(join(directory, 'app.log')),
    days: 1,
  },
};

test.each(Object.keys(CASES))('%s: the same names, contents and times as logrotate', async (name) => {
  const { logrotate, wavspool } = await runBoth(CASES[name] ?? { options: {} });
  expect(wavspool).toEqual(logrotate);
});

test('whatever the options, the same names, contents and times as logrotate', async () => {
  const options = fc.record({
    rotate: fc.integer({ min: -1, max: 3 }),
    start: fc.integer({ min: 0, max: 2 }),
    compress: fc.boolean(),
    delaycompress: fc.boolean(),
    copytruncate: fc.boolean(),
    notifempty: fc.boolean(),
    dateext: fc.boolean(),
    dateformat: fc.constantFrom('-%Y%m%d', '.%d.%m.%Y', '-%s', '-%Y%m%d-%H%M%S'),
  });
  const dir = fc.option(fc.constant('old' as const), { nil: undefined });
  const extension = fc.option(fc.constant('.log'), { nil: undefined });
  const filled = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(options, dir, extension, filled, async (chosen, dir, extension, filled) => {
      // logrotate overwrites an archive with start 0 and rotate -1: it counts one too few
      const { rotate, start, dateext, compress, delaycompress, copytruncate } = chosen;
      fc.pre(!(rotate === -1 && start === 0 && !dateext));
      // and here it fails for want of the archive that it is not to make
      fc.pre(!(rotate === 0 && compress && !delaycompress && copytruncate));
      const { logrotate, wavspool } = await runBoth({
        options: { ...chosen, ...(dir && { dir }), ...(extension && { extension }) },
        days: 5,
        // logrotate makes it even when nothing is rotated
        before: (directory) => mkdir(join(directory, 'old')),
        log: (day) => (filled[day - 1] === true ? `line of day ${day}\n` : ''),
      });
      expect(wavspool).toEqual(logrotate);
    }),
    { numRuns: Number(process.env['WAVSPOOL_TEST_RUNS'] ?? 10) },
  );
});

interface Left {
  /** Of each day: whether it went without an error. */
  readonly ok: readonly boolean[];
  readonly files: Readonly<Record<string, string>>;
}

async function runBoth(one: Case): Promise<{ logrotate: Left; wavspool: Left }> {
  const run = async (
    rotate: (entry: LogEntry, at: number, directory: string) => Promise<boolean>,
  ): Promise<Left> => {
    const directory = await mkdtemp(join(tmpdir(), 'wavspool-names-'));
    const work = join(directory, 'work');
    await mkdir(work);
    await one.before?.(work);
    const ok: boolean[] = [];
    for (let day = 1; day <= (one.days ?? 3); day += 1) {
      const at = FIRST_DAY + (day - 1) * DAY_MS;
      await writeLog(join(work, 'app.log'), (one.log ?? ((n) => `line of day ${n}\n`))(day), at - HOUR_MS);
      const options = one.later !== undefined && day >= one.later.from ? one.later.options : one.options;
      const { dir, ...rest } = options;
      const entry = logEntry(join(work, 'app.log'), { ...rest, ...(dir && { dir: join(work, dir) }) });
      ok.push(await rotate(entry, at, directory));
    }
    // logrotate's uncompressed copy is as old as the copying, ours as the log; so is what becomes of it
    const { copytruncate = true, delaycompress = false } = one.options;
    const files = await contents(work, !(copytruncate && delaycompress));
    await rm(directory, { recursive: true });
    return { ok, files };
  };
  const force = one.force ?? true;
  return {
    logrotate: await run(async (entry, at, directory) => runLogrotate(directory, entry, at, { force }).ok),
    wavspool: await run(async (entry, at, directory) => {
      const deps = {
        clock: { ...systemClock, now: () => at },
        report: () => undefined,
        timezone: 'UTC',
        directory: join(directory, 'state'),
        collapse: collapseWithFallocate,
      };
      const results = await rotateLog(deps, entry, { force }, new AbortController().signal);
      return results.every(({ outcome }: RotationResult) => outcome !== 'failed');
    }),
  };
}

async function writeLog(log: string, content: string | null, at: number): Promise<void> {
  if (content === null) return;
  await truncate(log, 0).catch(() => undefined); // there or not: both begin the day with just this content
  await writeFile(log, content);
  await utimes(log, at / 1000, at / 1000);
}

/** Every name below `directory` with what it holds; for a gzip what is in it, and with `timed` its mtime. */
async function contents(directory: string, timed: boolean): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(directory, { recursive: true })).toSorted()) {
    const path = join(directory, name);
    const stats = await lstat(path);
    const mode = (stats.mode & 0o777).toString(8);
    if (!stats.isFile()) found[name] = stats.isDirectory() ? 'directory' : 'link';
    else if (!timed || !name.endsWith('.gz')) found[name] = `${mode} ${await plain(path)}`;
    else found[name] = `${mode} ${stats.mtime.toISOString()} ${await plain(path)}`;
  }
  return found;
}

async function plain(path: string): Promise<string> {
  const content = await readFile(path);
  return String(content[0] === 0x1f ? gunzipSync(content) : content);
}
