import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openGround, type Host } from '../chaos/fleet/ground.ts';
import { guideBlocks } from '../containers/guide-blocks.ts';
import { commandAt } from '../support/place.ts';
import { until } from '../support/ports.ts';
import { pidsBelow, signal } from '../support/processes.ts';
import { startGateway, startS3 } from '../support/s3.ts';
import { makeTar } from '../support/tars.ts';

const run = promisify(execFile);
const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
const RECORDINGS = 4;

interface Machine {
  readonly host: Host;
  readonly site: string;
  readonly directory: string;
  /** Runs lines of the document there; returns what they print. */
  sh(commands: string): Promise<string>;
}

/** Whether its audit finds all of its recordings, each vouched for: a receipt is written some seconds after the last upload. */
function audited(machine: Machine): Promise<boolean> {
  return machine.sh('wavspool audit --receipts --json --config "$DIR/wavspool.yaml"').then(
    (said) => (JSON.parse(said) as { checked: number }).checked === RECORDINGS,
    () => false,
  );
}

test('the smallest set-up of docs/fleet.md, line by line on three hosts; its ledger is backed up, lost and rebuilt from the receipts', async () => {
  const blocks = guideBlocks(await readFile('docs/fleet.md', 'utf8'));
  const of = (section: string) =>
    blocks.filter((block) => block.section === section && block.tag !== 'notrun');
  await using stack = new AsyncDisposableStack();
  const base = await mkdtemp(join(tmpdir(), 'wavspool-guide-'));
  stack.defer(() => rm(base, { recursive: true, force: true }));
  await run('chmod', ['755', base]); // PostgreSQL runs as a user of its own
  const ground = stack.use(await openGround());
  const gateway = stack.use(await startGateway('memory', await ground.host('store')));
  const s3 = await startS3(gateway);
  stack.defer(() => s3.client.destroy());
  const hosts = [await ground.host('h1'), await ground.host('h2'), await ground.host('h3')];
  const [h1, h2, h3] = hosts.map(({ address }) => address);
  await mkdir(join(base, 'bin'));
  await writeFile(join(base, 'bin/wavspool'), `#!/bin/sh\nexec ${process.execPath} ${BIN} "$@"\n`, {
    mode: 0o755,
  });
  const { stdout: programs } = await run('sh', [
    '-c',
    'ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1',
  ]);
  const machines = hosts.map((host, at): Machine => {
    const directory = join(base, host.name);
    const site = ['north', 'south', 'west'][at] ?? '';
    const env = {
      ...process.env,
      PATH: `${join(base, 'bin')}:${process.env['PATH']}`,
      H1: h1,
      H2: h2,
      H3: h3,
      ME: host.address,
      SITE: site,
      DIR: directory,
      PG: programs.trim(),
      PASSWORD: 'of-the-guide',
      S3_ENDPOINT: s3.endpoint,
      S3_BUCKET: s3.bucket,
      S3_ACCESS_KEY_ID: s3.accessKeyId,
      S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    };
    const sh: Machine['sh'] = async (commands) => {
      const [program, args] = commandAt(host, 'bash', '-euc', commands);
      return (await run(program, args, { env, cwd: '/' })).stdout;
    };
    return { host, site, directory, sh };
  });
  const [first, ...others] = machines;
  if (first === undefined) throw new Error('there is no host');
  const follow = async (section: string): Promise<void> => {
    for (const { tag, commands } of of(section))
      for (const machine of tag === 'each' ? machines : tag === 'others' ? others : [first])
        await machine.sh(commands);
  };
  stack.defer(async () => signal(await pidsBelow(base, /./), 'SIGKILL'));

  await follow('The smallest set-up of three hosts');
  for (const { site, directory } of machines) {
    const members = Array.from({ length: RECORDINGS }, (_, i) => ({
      name: `${site}-${i}.wav`,
      body: randomBytes(900),
    }));
    await writeFile(join(directory, 'incoming/calls.tar.part'), makeTar(members));
    await rename(join(directory, 'incoming/calls.tar.part'), join(directory, 'incoming/calls.tar'));
  }
  for (const machine of machines)
    await until(`all of ${machine.site} is vouched for`, () => audited(machine), 120_000);

  await follow('Back up the ledger');
  const ups = await pidsBelow(base, /wavspool\.js up/);
  expect(ups.length).toBe(machines.length);
  signal(ups, 'SIGTERM');
  await until(
    'every role has ended',
    async () => (await pidsBelow(base, /wavspool\.js|workers/)).length === 0,
  );
  await follow('When the ledger is lost');
  for (const machine of machines) expect(await audited(machine)).toBe(true);
}, 900_000);
