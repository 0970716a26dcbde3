import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { proveComplete } from '../../src/platform/tar/index.ts';
import { makeTar } from '../support/tars.ts';
import { readAll, scratchDirectory } from '../support/tar-cases.ts';

const directory = scratchDirectory();
const source = join(directory, 'calls');
const LONG = `${'long-directory-name/'.repeat(8)}${'n'.repeat(120)}.wav`;
const FILES: Readonly<Record<string, Buffer>> = {
  'a.wav': Buffer.alloc(1000, 'a'),
  'Größe ☎.WAV': Buffer.alloc(512, 'b'),
  'empty.wav': Buffer.alloc(0),
  [LONG]: Buffer.alloc(70_000, 'l'),
};
for (const [name, body] of Object.entries(FILES)) {
  mkdirSync(join(source, name, '..'), { recursive: true });
  writeFileSync(join(source, name), body);
}

/** Runs python3 with `script`; the paths are its arguments. */
function python(script: string, ...paths: readonly string[]): string {
  return execFileSync('python3', ['-c', script, ...paths], { encoding: 'utf8' });
}

async function filesOf(path: string): Promise<Record<string, Buffer>> {
  const files = (await readAll(path)).filter(({ kind }) => kind === 'file');
  return Object.fromEntries(files.map(({ name, body }) => [name.replace(/^\.\//, ''), body]));
}

describe('GNU tar', () => {
  test.each([
    '--format=gnu',
    '--format=pax',
    '--format=oldgnu',
    '--format=gnu -z',
    '--format=pax --zstd',
    '--format=gnu -b1',
  ])('made with %s, all is there', async (flags) => {
    const path = join(directory, 'gnu.tar');
    execFileSync('tar', [...flags.split(' '), '-cf', path, '-C', source, '.']);
    expect(await filesOf(path)).toEqual(FILES);
    expect(await proveComplete(path)).toMatchObject({ kind: 'complete', bytes: 71_512 });
  });

  test.each(['ustar', 'v7'])('made with --format=%s', async (format) => {
    const path = join(directory, 'old.tar');
    execFileSync('tar', [`--format=${format}`, '-cf', path, '-C', source, 'a.wav', 'empty.wav']);
    expect(await filesOf(path)).toEqual({ 'a.wav': FILES['a.wav'], 'empty.wav': FILES['empty.wav'] });
  });

  test.each(['gnu', 'oldgnu', 'pax --sparse-version=0.0', 'pax --sparse-version=0.1', 'pax'])(
    'sparse members are whole again: --format=%s',
    async (flags) => {
      const holes = join(directory, 'holes.wav');
      writeFileSync(holes, '');
      for (let part = 1; part <= 30; part += 1) {
        truncateSync(holes, part * 1024 * 1024); // so many that the map needs blocks of its own
        appendFileSync(holes, `${part}`.repeat(4096));
      }
      truncateSync(holes, 31 * 1024 * 1024);
      const path = join(directory, 'sparse.tar');
      const format = `--format=${flags}`.split(' ');
      execFileSync('tar', [
        ...format,
        '-S',
        '-cf',
        path,
        '-C',
        directory,
        'holes.wav',
        '-C',
        source,
        'a.wav',
      ]);
      expect(statSync(path).size).toBeLessThan(1024 * 1024);
      const members = await readAll(path);
      expect(members).toMatchObject([
        { name: 'holes.wav', kind: 'file', size: 31 * 1024 * 1024 },
        { name: 'a.wav', kind: 'file', body: FILES['a.wav'] },
      ]);
      expect(members[0]!.body.equals(readFileSync(holes))).toBe(true);
      expect(await proveComplete(path)).toMatchObject({ kind: 'complete', members: 2 });
    },
  );

  test('links, and names that are not UTF-8', async () => {
    const path = join(directory, 'links.tar');
    const script = `mkdir l && cd l && echo x > "$(printf 'n\\377.wav')" && ln -s x s.wav && echo h > h1.wav && ln h1.wav h2.wav && mkfifo p.wav && tar --sort=name -cf ../links.tar *`;
    execFileSync('bash', ['-c', script], { cwd: directory });
    const kinds = (await readAll(path)).map(({ name, kind }) => `${name} ${kind}`);
    expect(kinds.toSorted()).toEqual(
      ['h1.wav file', 'h2.wav hardlink', 'n%FF.wav file', 'p.wav fifo', 's.wav symlink'].toSorted(),
    );
  });
});

describe('Python’s tarfile', () => {
  test.each(['GNU_FORMAT', 'PAX_FORMAT'])('writes %s and all is there', async (format) => {
    const path = join(directory, 'python.tar');
    const script = `import sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.${format}) as t: t.add(sys.argv[2], arcname='.')`;
    python(script, path, source);
    expect(await filesOf(path)).toEqual(FILES);
  });

  test('reads the same from a made tar', async () => {
    const path = join(directory, 'made.tar');
    const members = [
      ...Object.entries(FILES).map(([name, body]) => ({ name, body })),
      { name: 'd', type: '5' },
      { name: 'l.wav', type: '2', linkname: 'a.wav' },
      { name: 'short', pax: { path: 'päth.wav' }, body: Buffer.from('p') },
    ];
    writeFileSync(path, makeTar(members));
    const script = `import sys, tarfile, json
with tarfile.open(sys.argv[1]) as t: print(json.dumps([[m.name, m.size] for m in t.getmembers()]))`;
    const seen: unknown = JSON.parse(python(script, path));
    expect((await readAll(path)).map(({ name, size }) => [name, size])).toEqual(seen);
  });
});
