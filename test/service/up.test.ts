import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, until } from '../support/ports.ts';
import { untilLeft } from '../support/processes.ts';

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
const NOBODY = 4_194_303; // a pid that no process has here, as one of another container's

let directory: string;
let children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-up-'));
  const yaml = `paths: { data: ./data }\nhttp: { port: ${await freePort()} }\ns3: { endpoint: "http://127.0.0.1:9" }\n`;
  await writeFile(join(directory, 'wavspool.yaml'), yaml);
});
afterEach(async () => {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }),
  );
  children = [];
  await untilLeft(directory);
  await rm(directory, { recursive: true });
});

function up(): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [BIN, 'up'], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  return { child, said: () => said };
}

test('a second "up" on one data directory is refused, whatever pid the first has where it runs', async () => {
  const first = up();
  await until('it has started', () => first.said().includes('role started'));
  await writeFile(join(directory, 'data/up.pid'), `${NOBODY}\n`);
  const second = up();
  const [code] = (await once(second.child, 'exit')) as [number];
  expect(code).toBe(2);
  expect(second.said()).toMatch(/another "up" runs on .*data .*up\.lock is locked/);

  first.child.kill('SIGKILL'); // its lock goes with it
  await once(first.child, 'exit');
  const third = up();
  await until('it has started', () => third.said().includes('role started'), 60_000);
  expect(await readFile(join(directory, 'data/up.pid'), 'utf8')).toBe(`${third.child.pid}\n`);
});
