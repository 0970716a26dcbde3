import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { notePlace } from '../../src/platform/linux/index.ts';
import { runCommand, type Ended } from '../support/run-command.ts';
import { mountDiskThatGoes } from '../support/small-disk.ts';

// P12, P7: the disk of copies, or that of state.db, is not mounted: nothing is put beneath its mount point.

const run = promisify(execFile);

function wavspool(config: string, ...args: string[]): Promise<Ended> {
  return runCommand(['--config', config, ...args]);
}

test('a disk that is not mounted gets no snapshot, no mirror and no new state.db beneath it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'wavspool-places-'));
  const shop = join(root, 'shop.db');
  await run('sqlite3', [shop, 'CREATE TABLE t (x); INSERT INTO t VALUES (1), (2);']);
  {
    await using disk = await mountDiskThatGoes(join(root, 'backup'));
    const at = (name: string): string => join(disk.path, name);
    const data = join(root, 'data');
    const config = join(root, 'wavspool.yaml');
    const source = join(root, 'source');
    await run('mkdir', [source]);
    await writeFile(join(source, 'a'), 'a');
    const settings = {
      paths: { data, state: at('state/state.db') },
      databases: [
        {
          name: 'shop',
          path: shop,
          snapshots: [
            {
              name: 'daily',
              cron: '0 2 * * *',
              dir: at('snapshots'),
              file: '{name}-{YYYY-MM-DD}.db',
              keep: { days: 3 },
            },
          ],
        },
      ],
      mirrors: [{ name: 'files', source, dir: at('mirrors'), cron: '0 3 * * *', keep: { within: '3d' } }],
    };
    await writeFile(config, JSON.stringify(settings));

    expect(await wavspool(config, 'snapshot', 'shop')).toMatchObject({ code: 0 });
    expect(await wavspool(config, 'mirror', 'files')).toMatchObject({ code: 0 });
    await notePlace(at('state'), data); // as a role does when it starts
    await disk.unmount();
    for (const command of [
      ['snapshot', 'shop'],
      ['mirror', 'files'],
    ]) {
      const { code, stderr } = await wavspool(config, ...command);
      expect(code).toBe(1);
      expect(stderr).toContain(`file system at ${disk.path}`);
    }
    const { code, stderr } = await wavspool(config, 'audit');
    expect(code).toBe(3);
    expect(stderr).toContain('which is not mounted');
    expect(await readdir(disk.path)).toEqual([]);
    await disk.mount();
    expect(await wavspool(config, 'snapshot', 'shop')).toMatchObject({ code: 0 });
    expect(await wavspool(config, 'mirror', 'files')).toMatchObject({ code: 0 });
    expect((await readdir(at('snapshots'))).filter((name) => name.startsWith('shop-'))).toHaveLength(2);
  }
  await rm(root, { recursive: true });
});
