import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { makeHostRig } from '../support/host-rig.ts';
import { until } from '../support/ports.ts';
import { startSwapper } from '../support/swapper.ts';

const NOBODY = 65_534;
const ROUNDS = 6;
const SETTINGS = `databases:
  - { name: shop, path: DIR/app/shop.db, snapshots: [ { name: s, on: s, dir: DIR/snaps, file: "s.db" } ] }
`;

test.runIf(process.geteuid?.() === 0)(
  'P13: who owns a database that root restores swaps it and its directory for links, and root’s own files stay as they are',
  async () => {
    await using rig = await makeHostRig(SETTINGS);
    await chmod(rig.directory, 0o755);
    const at = (name: string): string => join(rig.directory, name);
    await mkdir(at('home'));
    await mkdir(at('secret'), { mode: 0o700 });
    for (const name of ['secret/shop.db', 'copy.db']) makeShop(at(name));
    await writeFile(at('secret/shop.db-wal'), '');
    const before = await fingerprint(at('secret'));
    // the settings name a path through a directory of his
    execFileSync('sed', ['-i', `s#${at('app/shop.db')}#${at('home/app/shop.db')}#`, at('wavspool.yaml')]);
    for (let round = 0; round < ROUNDS; round += 1) {
      await rm(at('home/app'), { recursive: true, force: true });
      await mkdir(at('home/app'));
      makeShop(at('home/app/shop.db'));
      execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, at('home')]);
      await using swapper = await startSwapper(
        NOBODY,
        round % 2 === 0 ? at('secret/shop.db') : at('secret'),
        [at(round % 2 === 0 ? 'home/app/shop.db' : 'home/app')],
      );
      await until('he swaps', () => swapper.swaps() > 0);
      const said = await rig.wavspool('restore', 'shop', '--from', at('copy.db'), '--yes');
      expect(await fingerprint(at('secret'))).toEqual(before);
      // whatever comes of it, it is no fault of wavspool
      expect([0, 1]).toContain(said.code);
      expect(said.stderr).not.toContain('fault of wavspool');
    }
  },
);

function makeShop(path: string): void {
  const db = new Database(path);
  db.exec("CREATE TABLE orders(what TEXT); INSERT INTO orders VALUES ('one')");
  db.close();
}

/** Names, owners, modes, times and contents of everything in a directory. */
async function fingerprint(directory: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    const { uid, gid, mode, mtimeMs, ctimeMs } = await stat(join(directory, name));
    const hash = createHash('sha256')
      .update(await readFile(join(directory, name)))
      .digest('hex');
    lines.push([name, uid, gid, mode, mtimeMs, ctimeMs, hash].join(' '));
  }
  const { uid, mode } = await stat(directory);
  return [...lines, `${uid} ${mode}`];
}
