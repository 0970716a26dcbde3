import {
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { isExposed, workerOf } from '../../../../src/platform/linux/index.ts';
import { whyStrange } from '../../../../src/platform/linux/opened-as-named.ts';
import { wayTo } from '../../../../src/platform/linux/way-to.ts';
import { openForeign } from '../../../../src/platform/sqlite/index.ts';

const BOB = 65_534;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'way-')));
afterAll(() => rmSync(root, { recursive: true }));

let round = 0;
let base: string;
const at = (name: string): string => join(base, name);

// bob's home with a database of his, and root's own beside it
beforeEach(() => {
  round += 1;
  base = join(root, String(round));
  for (const name of ['', 'home', 'home/db', 'ours', 'secret']) mkdirSync(at(name));
  for (const name of ['home/db/app.db', 'secret/app.db']) {
    const db = new Database(at(name));
    db.exec('CREATE TABLE t(a)');
    db.close();
  }
});

describe.runIf(process.geteuid?.() === 0)('P13: root meets directories of bob', () => {
  beforeEach(() => {
    for (const name of ['home', 'home/db', 'home/db/app.db']) chownSync(at(name), BOB, BOB);
  });

  test('the way through a link of root’s leads through what the link leads through', () => {
    symlinkSync('home/db/app.db', at('linked.db'));
    symlinkSync('../home/db', at('ours/db'));
    mkdirSync(at('home/db/of-root'));
    symlinkSync(at('home/db/of-root'), at('ours/deep'));
    for (const name of ['linked.db', 'ours/db/app.db', 'ours/db/../db/app.db'])
      expect(wayTo(at(name)), name).toMatchObject({ hasOthersLink: false, file: { uid: BOB, names: 1 } });
    expect(wayTo(at('linked.db')).named).toBe(at('home/db/app.db'));
    expect(wayTo(at('ours/deep/x/y')).named).toBe(at('home/db/of-root/x/y'));
    expect(wayTo(at('ours/x/y'))).toMatchObject({ named: at('ours/x/y'), file: undefined });
    expect(isExposed(at('ours/deep'))).toBe(true);
    expect(isExposed(at('ours'))).toBe(false);
  });

  test('a restore through a link of root’s is bob’s work, and refused where root’s directory lies in his', async () => {
    symlinkSync('home/db/app.db', at('linked.db'));
    symlinkSync(at('home/db'), at('ours/db'));
    mkdirSync(at('home/db/of-root'));
    symlinkSync(at('home/db/of-root'), at('ours/deep'));
    for (const name of ['home/db/app.db', 'linked.db', 'ours/db/app.db', 'ours/db/new.db'])
      expect(await workerOf(at(name)), name).toEqual({ uid: BOB, gid: BOB });
    await expect(workerOf(at('ours/deep/app.db'))).rejects.toMatchObject({ code: 'PATH_UNSAFE' });
    expect(await workerOf(at('secret/app.db'))).toBeUndefined();
  });

  test('a database is opened where it lies, and where bob’s own link leads to another of his', () => {
    symlinkSync('db/app.db', at('home/link.db'));
    symlinkSync('home/link.db', at('linked.db'));
    for (const name of ['home/db/app.db', 'home/link.db', 'linked.db'])
      expect(() => openForeign(at(name)).close(), name).not.toThrow();
  });

  test('a database that bob’s link, directory or second name makes root’s is not opened', () => {
    symlinkSync(at('secret/app.db'), at('home/file.db'));
    symlinkSync(at('secret'), at('home/dir'));
    linkSync(at('secret/app.db'), at('home/name.db'));
    symlinkSync('home/file.db', at('linked.db'));
    for (const name of ['home/file.db', 'home/dir/app.db', 'home/name.db', 'linked.db'])
      expect(() => openForeign(at(name)), name).toThrow(/is not opened as root/);
  });

  test('links without end are refused', () => {
    symlinkSync('round.db', at('home/round.db'));
    expect(() => wayTo(at('home/round.db'))).toThrow(/too many links/);
    writeFileSync(at('home/file'), '');
    expect(wayTo(at('home/file/below')).file).toBeUndefined();
  });
});

const bobs = [{ uid: BOB, gid: BOB, mode: 0o755 }];
const groups = [{ uid: 0, gid: BOB, mode: 0o2775 }];
const file = (uid: number, names = 1) => ({ identity: '1:1', uid, names });

test.each([
  ['no other user can have put it there', [{ uid: 0, gid: 0, mode: 0o755 }], true, file(0, 2), undefined],
  ['his own, through his link', bobs, true, file(BOB), undefined],
  ['his own of two names', bobs, false, file(BOB, 2), undefined],
  ['root’s, where it lies', bobs, false, file(0), undefined],
  ['root’s, through his link', bobs, true, file(0), /link/],
  ['another one’s, through his link', bobs, true, file(1), /link/],
  ['root’s of two names', bobs, false, file(0, 2), /second name/],
  ['root’s, through a link of a group', groups, true, file(0), /link/],
  ['one of the group’s, through a link of the group', groups, true, file(BOB), /link/],
  ['gone', bobs, false, undefined, /gone/],
])('what root has opened: %s', (_what, steps, hasOthersLink, found, reason) => {
  const said = whyStrange({ steps: steps as never, hasOthersLink, file: found });
  if (reason === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(reason);
});
