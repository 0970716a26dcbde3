import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, until } from '../../support/ports.ts';

// The npm package as npm lays it: below a folder called node_modules, where Node strips no types. Its dependencies are those of this
// checkout, so that nothing is asked of a registry.

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
let directory: string;
let wavspool: string;
let packed: { readonly files: readonly { readonly path: string }[]; readonly filename: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], { cwd: ROOT });
  const told: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  const list = (Array.isArray(told) ? told : Object.values(told as object)) as (typeof packed)[];
  packed = list[0]!;
  const modules = join(directory, 'node_modules');
  await mkdir(join(modules, 'wavspool'), { recursive: true });
  await run('tar', [
    '-xzf',
    join(directory, packed.filename),
    '--strip-components=1',
    '-C',
    join(modules, 'wavspool'),
  ]);
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  wavspool = join(modules, 'wavspool/dist/bin/wavspool.js');
});
afterAll(() => rm(directory, { recursive: true }));

/** A Node that is too old for wavspool, where this machine has one: what somebody else's machine has. */
function oldNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node', '/usr/bin/nodejs'].find((node) => {
    if (!existsSync(node)) return false;
    return (
      Number(execFileSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' })) < 26
    );
  });
}

async function inPackage(node: string, ...args: readonly string[]): Promise<string> {
  return (await run(node, [wavspool, ...args], { cwd: directory, env: { PATH: '/usr/bin:/bin' } })).stdout;
}

test('it has what runs, as JavaScript, and nothing of the development', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toContain('dist/bin/wavspool.js');
  expect(paths).toContain('dist/src/platform/config/defaults.yaml');
  expect(paths).toContain('npm-shrinkwrap.json');
  const outside = paths.filter(
    (path) => !/^dist\/|^(?:README\.md|LICENSE|package\.json|npm-shrinkwrap\.json)$/.test(path),
  );
  expect(outside).toEqual([]);
  expect(paths.filter((path) => path.endsWith('.ts') && !path.startsWith('dist/src/web/console/'))).toEqual(
    [],
  );
});

test('the packages that it pins are those of the lock, without the ones for development', async () => {
  const pinned = JSON.parse(
    await readFile(join(directory, 'node_modules/wavspool/npm-shrinkwrap.json'), 'utf8'),
  ) as {
    packages: Record<string, { dev?: boolean }>;
  };
  expect(Object.values(pinned.packages).some(({ dev }) => dev === true)).toBe(false);
  expect(Object.keys(pinned.packages)).toContain('node_modules/bullmq');
  expect(Object.keys(pinned.packages)).not.toContain('node_modules/vitest');
});

test('its commands work, those that start threads and processes too', async () => {
  expect(await inPackage(process.execPath, '--version')).toMatch(/^wavspool \d/);
  await writeFile(
    join(directory, 'wavspool.yaml'),
    'paths: { data: ./data }\nlogs: [{ path: /var/log/none.log, cron: "0 1 * * *", missingok: true }]\n',
  );
  expect(await inPackage(process.execPath, 'config', 'check')).toContain('no fault');
  const config = ['--config', 'made.yaml'];
  expect(await inPackage(process.execPath, 'init', '--yes', ...config)).toContain('written');
  expect(await inPackage(process.execPath, 'config', 'check', ...config)).toContain('no fault');
  await inPackage(process.execPath, 'doctor');
});

test('its roles work, and the console has its files', async () => {
  const port = await freePort();
  const file = join(directory, 'roles.yaml');
  const logs = [{ path: '/var/log/none.log', cron: '0 1 * * *', missingok: true }];
  await writeFile(
    file,
    JSON.stringify({ paths: { data: './roles' }, logs, http: { port, token: 'of-the-test' } }),
  );
  const up: ChildProcess = spawn(process.execPath, [wavspool, 'up', '--config', file], { stdio: 'ignore' });
  try {
    const headers = { authorization: 'Bearer of-the-test' };
    const page = async (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { headers });
    await until('the console answers', async () => (await page('/')).ok);
    const main = /src="([^"]*main\.ts)"/.exec(await (await page('/')).text())?.[1] ?? '';
    expect((await page(main)).headers.get('content-type')).toContain('text/javascript');
    const { stdout } = await run(process.execPath, [wavspool, 'snapshot', 'state', '--config', file]);
    expect(existsSync(stdout.trim())).toBe(true);
  } finally {
    up.kill('SIGTERM');
    expect(await once(up, 'exit')).toEqual([0, null]);
  }
});

test.skipIf(oldNode() === undefined)(
  'an older Node goes on with the one that npm brought, and ends as that does',
  async () => {
    const node = oldNode() ?? '';
    expect(await inPackage(node, '--version')).toContain(`Node ${process.version.slice(1)}`);
    await expect(inPackage(node, 'no-such-command')).rejects.toMatchObject({ code: 2 });
    // where npm left it out
    const name = `node-${process.platform}-${process.arch}`;
    await rm(join(directory, 'node_modules', name));
    await expect(inPackage(node, '--version')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wavspool needs Node 26'),
    });
  },
);
