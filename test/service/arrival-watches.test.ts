import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { tarOf, until } from './arrival-rig.ts';

/** In a user namespace of its own, so that the limit is that process's alone. */
const FEW_WATCHES = ['-Ur', 'sh', '-c', 'echo 20 > /proc/sys/user/max_inotify_watches && exec "$@"', 'sh'];
const hasNamespaces = spawnSync('unshare', [...FEW_WATCHES, 'true']).status === 0;

test.skipIf(!hasNamespaces)(
  'with fewer inotify watches than directories every tar still arrives, and the fault is reported with its remedy',
  async () => {
    const incoming = await mkdtemp(path.join(tmpdir(), 'arrival-watches-'));
    const directories = Array.from({ length: 40 }, (_, i) => path.join(incoming, `2025/${i}`));
    for (const directory of directories) await mkdir(directory, { recursive: true });
    const script = path.join(import.meta.dirname, 'arrival-child.ts');
    const child = spawn('unshare', [...FEW_WATCHES, process.execPath, script, incoming], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      const lines: Record<string, unknown>[] = [];
      const of = (event: string) => lines.filter((line) => line['event'] === event);
      createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
      await until(() => of('watching').length > 0);

      for (const directory of directories) await writeFile(path.join(directory, 'file1.tar'), tarOf([100]));
      await until(() => of('tar arrived').length >= directories.length);

      const arrived = of('tar arrived').map((line) => String(line['tar']));
      expect(arrived.toSorted()).toEqual(directories.map((each) => path.join(each, 'file1.tar')).toSorted());
      expect(of('tar arrived').some((line) => line['by'] === 'rescan')).toBe(true);
      expect(of('watch fault')).toMatchObject([
        { code: 'ENOSPC', remedy: expect.stringContaining('fs.inotify.max_user_watches') },
      ]);
    } finally {
      child.stdin.end();
      await exited;
      await rm(incoming, { recursive: true, force: true });
    }
    expect(child.exitCode).toBe(0);
  },
);
