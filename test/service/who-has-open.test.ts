import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identityAt, seesEveryProcess, whoHasOpen } from '../../src/platform/linux/index.ts';

const isRoot = process.geteuid?.() === 0;
let root: string;
let file: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-open-'));
  file = join(root, 'file');
  await writeFile(file, '');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await rm(root, { recursive: true, force: true });
});

/** A program that says when it has done its redirections, and stays. */
async function holding(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

async function openers(): Promise<Awaited<ReturnType<typeof whoHasOpen>>> {
  return whoHasOpen(new Set([(await identityAt(file)) ?? '']));
}

test('who appends, who keeps an offset of his own and who reads is told apart', async () => {
  const appender = await holding(['sh', '-c', 'exec 5>>"$0"; echo; read x', file]);
  const writer = await holding(['sh', '-c', 'exec 5>>"$0" 6>"$0"; echo; read x', file]);
  const reader = await holding(['sh', '-c', 'exec 5<"$0"; echo; read x', file]);
  const found = new Map((await openers()).map(({ pid, ...rest }) => [pid, rest]));
  expect(found.get(appender)).toMatchObject({ writes: true, appends: true });
  expect(found.get(writer)).toMatchObject({ writes: true, appends: false });
  expect(found.get(reader)).toMatchObject({ writes: false });
  expect(found.size).toBe(3);
});

test('this process counts, but for the descriptors that it leaves out', async () => {
  await using handle = await open(file, 'a');
  const files = new Set([(await identityAt(file)) ?? '']);
  expect(await whoHasOpen(files)).toMatchObject([{ pid: process.pid, program: 'node' }]);
  expect(await whoHasOpen(files, new Set([handle.fd]))).toEqual([]);
});

test.runIf(isRoot)(
  'a program in another mount namespace is seen, under the path of a bind mount',
  async () => {
    await mkdir(join(root, 'inside'));
    const script =
      'mount --bind "$0" "$0/inside" && exec sh -c \'exec 5>>"$0"; echo; read x\' "$0/inside/file"';
    const pid = await holding(['unshare', '--mount', 'sh', '-c', script, root]);
    expect((await openers()).map((opener) => opener.pid)).toEqual([pid]);
  },
);

test.runIf(isRoot)('it is known where not every process can be seen', async () => {
  const module = JSON.stringify(import.meta.resolve('../../src/platform/linux/index.ts'));
  const script = `import(${module}).then(async (m) => process.stdout.write(String(await m.seesEveryProcess())))`;
  const inside = ['--pid', '--fork', '--mount-proc', process.execPath, '-e', script];
  expect(String(execFileSync('unshare', inside))).toBe('false');
  expect(await seesEveryProcess()).toBe(
    String(execFileSync('readlink', ['/proc/self/ns/pid'])).trim() === 'pid:[4026531836]',
  );
});
