import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand, type Ended } from '../support/run-command.ts';

// What is typed wrong is told as that, with what would be right, before anything is opened or changed. Redis does not run.

let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-usage-'));
  await mkdir(join(directory, 'data'));
  await mkdir(join(directory, 'directory.yaml'));
  const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);
  await write(
    'good.yaml',
    `paths: { data: ${directory}/data }\ns3: { bucket: recordings, endpoint: "http://127.0.0.1:9" }\n`,
  );
  await write('type.yaml', 'upload: { maxRetries: many }\n');
  await write('key.yaml', 'arrivals: {}\n');
  await write('broken.yaml', 'site: [\n');
  await write('binary.yaml', '\0\0\0');
});
afterAll(() => rm(directory, { recursive: true }));

function wavspool(args: readonly string[]): Promise<Ended> {
  return runCommand(args, { cwd: directory });
}

const GOOD = ['--config', 'good.yaml'];

test.concurrent.each<[string[], RegExp]>([
  // a command, an option, an argument
  [['stauts', '--help'], /unknown command 'stauts'.*Did you mean status\?/s],
  [['help', 'stauts'], /unknown command 'stauts'.*Did you mean status\?/s],
  [['stauts'], /unknown command 'stauts'.*Did you mean status\?.*see "wavspool --help"/s],
  [
    [...GOOD, 'snapshots', 'lsit'],
    /unknown command 'lsit'.*Did you mean list\?.*see "wavspool snapshots --help"/s,
  ],
  [[...GOOD, 'requeue', '--cause', 'netwrok'], /no cause "netwrok": did you mean network\?/],
  [[...GOOD, 'requeue', '--wav', 'nope.wav'], /nope\.wav/],
  [[...GOOD, 'ingest', 'elsewhere.tar'], /elsewhere\.tar is not below the landing directory/],
  [[...GOOD, 'fetch', '--tar', 'nope*', '--as', 'nope.tar'], /no recording that is in the bucket is meant/],
  [[...GOOD, 'status', '--wacth'], /unknown option '--wacth'.*Did you mean --watch\?/s],
  [[...GOOD, 'trace', ''], /'path'.*is empty/i],
  [[...GOOD, 'ingest'], /missing required argument 'tar'/],
  [[...GOOD, 'pause'], /required option '--reason <text>' not specified/],
  [[...GOOD, 'work', 'uploda'], /no role "uploda": did you mean upload\?/],
  // a value
  [[...GOOD, 'failed', '--limit', '0'], /'--limit <n>' argument '0' is invalid.*whole number above 0/],
  [[...GOOD, 'failed', '--cause', 'netwrok'], /no cause "netwrok": did you mean network\?/],
  [[...GOOD, 'failed', '--match', '('], /"\(" cannot be matched.*RE2 syntax, text:PART or glob:PATTERN/s],
  [[...GOOD, 'failed', '--since', 'yesterday'], /"yesterday" is no time: use .*2h/],
  [[...GOOD, 'failed', '--after', 'zzz'], /"zzz" is no cursor of this list/],
  [[...GOOD, 'pause', 'uplaod', '--reason', 'x'], /'uplaod' is invalid.*did you mean upload\?/s],
  [[...GOOD, 'pause', '--reason', ' '], /'--reason <text>' argument ' ' is invalid.*empty/],
  [
    [...GOOD, 'pause', '--reason', 'x', '--for', 'soon'],
    /'--for <duration>' argument 'soon' is invalid.*30m, 2h, 1d/,
  ],
  [
    [...GOOD, 'requeue'],
    /say which: --all, --wav, --cause, --match, --tar or --since.*see "wavspool requeue --help"/s,
  ],
  // a name that the settings do not have
  [[...GOOD, 'snapshot', 'stat'], /no database "stat"; there are: state/],
  [[...GOOD, 'snapshots', 'confirm', 'state'], /no copy of state is in doubt/],
  [[...GOOD, 'snapshots', 'adopt', 'state', '--schedule', 'x'], /no schedule "x"; there are: nightly/],
  [[...GOOD, 'restore', 'state'], /no terminal to choose on: say --from <file> or --at <time>/],
  [
    [...GOOD, 'restore', 'state', '--from', 'nope.db', '--yes'],
    /nope\.db is no file.*wavspool snapshots list/s,
  ],
  [[...GOOD, 'mirror', 'audio', '--fetch'], /--fetch and --to go together/],
  // the settings file
  [['--config', '', 'status'], /name of the settings file is empty/],
  [['--config', 'nowhere.yaml', 'status'], /nowhere\.yaml: there is no such file, and --config names it/],
  [
    ['--config', 'type.yaml', 'status'],
    /type\.yaml:1: upload\.maxRetries: found "many", allowed: a whole number/,
  ],
  [['--config', 'key.yaml', 'doctor'], /arrivals: unknown key.*arrival/],
  [['--config', 'broken.yaml', 'up'], /broken\.yaml:2: .*bracket/],
])('%j names the fault and the remedy, exits 2 and prints nothing else', async (args, said) => {
  const { code, stdout, stderr } = await wavspool(args);
  expect(stderr).toMatch(said);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.split('\n').length, stderr).toBeLessThan(8);
  expect(stderr).not.toContain('at async');
});

test('with --json the same stands on stdout as one document', async () => {
  for (const args of [
    [...GOOD, 'status', '--foo'],
    [...GOOD, 'failed', '--cause', 'netwrok'],
  ]) {
    const { code, stdout } = await wavspool([...args, '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: expect.any(String),
      code: 'USAGE',
      remedy: expect.any(String),
    });
  }
});
