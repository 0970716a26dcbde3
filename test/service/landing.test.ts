import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLanding, type LandingPage } from '../../src/operate/landing/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { proveComplete } from '../../src/platform/tar/index.ts';
import { asNobody } from '../support/as-nobody.ts';
import { makeTar } from '../support/tars.ts';
import { SETTINGS } from './arrival-rig.ts';

// What lies in the landing directory and is not taken, as it is found without a watch role.

let incoming: string;
beforeEach(async () => {
  incoming = await mkdtemp(join(tmpdir(), 'wavspool-landing-'));
  await chmod(incoming, 0o755);
});
afterEach(() => rm(incoming, { recursive: true, force: true }));

const at = (name: string): string => join(incoming, name);
const tar = makeTar([{ name: 'a.wav', body: Buffer.alloc(3000, 1) }]);
const HOUR_MS = 3_600_000;

interface How {
  readonly after?: string;
  readonly limit?: number;
  readonly later?: number;
  readonly known?: readonly string[];
  readonly isWatched?: boolean;
  readonly doneMarker?: string;
}

function read({
  after,
  limit = 100,
  later = HOUR_MS / 2,
  known = [],
  isWatched = true,
  doneMarker,
}: How = {}): Promise<LandingPage> {
  const paths = new Set(known.map(at));
  return readLanding(
    {
      settings: { ...SETTINGS, doneMarker },
      incoming,
      // that much after the files were written
      clock: { ...systemClock, now: () => systemClock.now() + later },
      isWatched,
      known: async (versions) => new Set(versions.map(({ path }) => path).filter((path) => paths.has(path))),
      prove: proveComplete,
    },
    { after, limit },
  );
}

const reasons = ({ rows }: LandingPage): Record<string, string> =>
  Object.fromEntries(rows.map(({ path, reason }) => [relative(incoming, path), reason]));

test('everything that is not taken has its reason, and what is known is not listed', async () => {
  await mkdir(at('two\nlines'));
  await mkdir(Buffer.from(`${incoming}/caf\xe9`, 'latin1'));
  await writeFile(at('known.tar'), tar);
  await writeFile(at('two\nlines/WHOLE.TAR'), tar);
  await writeFile(at('cut.tar'), tar.subarray(0, 2048));
  await writeFile(at('calls.tar.xz'), '12345');
  await writeFile(at('a.tar.part'), tar);
  await writeFile(Buffer.from(`${incoming}/caf\xe9.tar`, 'latin1'), tar);
  await symlink('known.tar', at('link.tar'));
  const found = await read({ known: ['known.tar'] });
  expect(reasons(found)).toEqual({
    'two\nlines/WHOLE.TAR': 'waiting',
    'cut.tar': 'incomplete',
    'calls.tar.xz': 'no pattern',
    'a.tar.part': 'waiting',
    'caf%E9.tar': 'name not UTF-8',
    'caf%E9': 'name not UTF-8',
    'link.tar': 'unreadable',
  });
  expect(found.rows.find(({ path }) => path === at('calls.tar.xz'))).toMatchObject({
    bytes: 5,
    needsAttention: true,
    ageSeconds: expect.closeTo(1800, -2),
    since: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(found.figures).toMatchObject({
    waiting: { count: 2, needsAttention: false },
    incomplete: { count: 1, bytes: 2048, needsAttention: true },
    'name not UTF-8': { count: 2 },
  });
  expect(found.next).toBeNull();
});

test('what is closed is unreadable: a tar, and a directory as a whole', async () => {
  await writeFile(at('closed.tar'), tar);
  await chmod(at('closed.tar'), 0o000);
  await mkdir(at('closed'));
  await writeFile(at('closed/a.tar'), tar);
  await chmod(at('closed'), 0o700);
  if (process.geteuid?.() !== 0) await chmod(at('closed'), 0o000);
  const found = await asNobody(() => read());
  await chmod(at('closed'), 0o700);
  expect(reasons(found)).toEqual({ closed: 'unreadable', 'closed.tar': 'unreadable' });
  expect(found.figures.unreadable).toMatchObject({ count: 2, needsAttention: true });
});

test('a tar without its done marker needs attention once it is quiet, its marker is nothing that lies there', async () => {
  await writeFile(at('a.tar'), tar);
  await writeFile(at('b.tar'), tar);
  await writeFile(at('b.tar.done'), '');
  expect(reasons(await read({ doneMarker: '.done' }))).toEqual({ 'a.tar': 'no marker', 'b.tar': 'waiting' });
  expect((await read({ doneMarker: '.done' })).figures['no marker']?.needsAttention).toBe(true);
  expect((await read({ doneMarker: '.done', later: 0 })).figures).toMatchObject({ waiting: { count: 2 } });
});

test('a tar that may still be filled is told from one that is whole', async () => {
  const bytes = makeTar([{ name: 'a.wav', body: randomBytes(40_000).map((byte) => byte | 1) as Buffer }]);
  await writeFile(at('a.tar'), Buffer.concat([bytes, Buffer.alloc(40_000)]));
  expect(reasons(await read())).toEqual({ 'a.tar': 'incomplete' });
  expect(reasons(await read({ later: 2 * HOUR_MS }))).toEqual({ 'a.tar': 'waiting' });
});

describe('what waits', () => {
  test('needs attention when no role takes it, and when its client has gone', async () => {
    await writeFile(at('a.tar'), tar);
    expect((await read({ later: 2 * HOUR_MS })).figures.waiting?.needsAttention).toBe(false);
    expect((await read({ later: 2 * HOUR_MS, isWatched: false })).figures.waiting?.needsAttention).toBe(true);
    await rm(at('a.tar'));
    await writeFile(at('a.tar.part'), '');
    expect((await read()).figures.waiting?.needsAttention).toBe(false);
    expect((await read({ later: 2 * HOUR_MS })).figures.waiting?.needsAttention).toBe(true);
  });

  test('is as old as the host says, whatever time its client set', async () => {
    await writeFile(at('a.tar'), tar);
    await utimes(at('a.tar'), new Date('2036-01-01'), new Date('2036-01-01'));
    const { rows } = await read();
    expect(rows[0]?.ageSeconds).toBeGreaterThan(1700);
    expect(rows[0]?.ageSeconds).toBeLessThan(1900);
  });
});

test('pages follow each other by path, hold everything once, and every page knows all figures', async () => {
  for (let i = 0; i < 25; i += 1) await writeFile(at(`${String(i).padStart(2, '0')}.txt`), 'x');
  await writeFile(at('07.tar'), tar);
  const seen: string[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < 10; pages += 1) {
    const page = await read({ limit: 7, ...(after !== undefined && { after }) });
    expect(page.figures).toMatchObject({ 'no pattern': { count: 25, bytes: 25 }, waiting: { count: 1 } });
    seen.push(...page.rows.map(({ path }) => relative(incoming, path)));
    if (page.next === null) break;
    after = page.next;
  }
  expect(seen).toHaveLength(26);
  expect(seen).toEqual(seen.toSorted());
  expect(await read({ limit: 0 })).toMatchObject({ rows: [], figures: { waiting: { count: 1 } } });
});
