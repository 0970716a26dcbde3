import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { aws, rclone, wavspool, type Contender, type Measured } from './contenders.ts';
import { LOADS, makeCorpus, type Load } from './corpus.ts';
import type { Target } from './fleet.ts';
import { openSink } from './open-sink.ts';
import { median, writeResults } from './report.ts';
import { touchMemory } from './touch-memory.ts';

// `make bench`: wavspool and each peer that is installed carry the same tars to the same place, in turn, so that what else the
// machine does meets all of them. Ratios of medians count; absolute figures are this machine's.

const run = promisify(execFile);
const CEPH = join(import.meta.dirname, '../infra/store/ceph-rgw.sh');

interface Place {
  readonly name: string;
  readonly target: Target;
  readonly contenders: readonly Contender[];
  readonly loads: readonly Load[];
  stop(): Promise<void>;
}

interface Result {
  readonly place: string;
  readonly load: string;
  readonly contender: string;
  readonly rounds: readonly Measured[];
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    /** Only places whose name contains it: `sink`, `80 ms`, `Ceph`. */
    place: { type: 'string', default: '' },
    load: { type: 'string', default: '' },
    /** Only contenders whose name contains it: `wavspool`, `rclone`, `aws`. */
    who: { type: 'string', default: '' },
  },
});

const PLACES: readonly (readonly [name: string, open: () => Promise<Place>])[] = [
  ...[0, 20, 80].map((ms) => [`sink, ${ms} ms`, () => sink(`sink, ${ms} ms`, ms)] as const),
  ['Ceph’s gateway', () => ceph('Ceph’s gateway')],
];
const rounds = Number(values.rounds);
const results: Result[] = [];
const peers = [rclone(16), aws].filter((one) => one.isInstalled());
const scratch = await mkdtemp(join(tmpdir(), 'wavspool-bench-'));
try {
  for (const [name, open] of PLACES) {
    if (!name.includes(values.place)) continue;
    const place = await open();
    try {
      await compare(place);
    } finally {
      await place.stop();
    }
  }
} finally {
  await rm(scratch, { recursive: true });
}
await report();

async function compare({ name: place, target, contenders: all, loads }: Place): Promise<void> {
  for (const load of loads.filter(({ name }) => name.includes(values.load))) {
    const isPatient = load === LOADS[0]; // aws takes two minutes for 20,000 recordings, each round
    const contenders = all.filter((one) => one.name.includes(values.who) && (isPatient || one !== aws));
    const { tars } = await makeCorpus(await mkdtemp(join(scratch, 'corpus-')), load);
    const measured = new Map(contenders.map((one): [string, Measured[]] => [one.name, []]));
    await touchMemory();
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) {
        const prefix = `${load.recordings}/${contender.name.replaceAll(/\W+/g, '-')}/${round}/`;
        await run('sync'); // what the one before has written is not written at this one's cost
        const one = await contender.run(tars, load.recordings, target, prefix, scratch);
        measured.get(contender.name)?.push(one);
        const { seconds, cpuSeconds } = one;
        console.log(
          `${place}, ${load.name}, round ${round}: ${contender.name} ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} CPU s`,
        );
      }
    }
    for (const [contender, rounds] of measured) results.push({ place, load: load.name, contender, rounds });
  }
}

async function sink(name: string, delayMs: number): Promise<Place> {
  const opened = await openSink(delayMs);
  return {
    name,
    target: opened.target,
    contenders: [wavspool, ...(delayMs === 0 ? peers : [rclone(64)].filter((one) => one.isInstalled()))],
    loads: delayMs === 0 ? LOADS : LOADS.slice(0, 1),
    stop: () => opened.stop(),
  };
}

async function ceph(name: string): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-rgw-'));
  const port = 24_000 + (process.pid % 2000) * 4; // and the three after it; below those that Linux gives to clients
  const keys = {
    S3_PORT: String(port),
    S3_ACCESS_KEY_ID: 'bench',
    S3_SECRET_ACCESS_KEY: 'bench-secret',
    S3_BUCKET: 'bench',
  };
  const env = { ...process.env, ...keys };
  await run(CEPH, ['up', directory], { env });
  return {
    name,
    target: {
      endpoint: `http://127.0.0.1:${port}`,
      bucket: 'bench',
      accessKeyId: 'bench',
      secretAccessKey: 'bench-secret',
    },
    contenders: [wavspool, ...peers],
    loads: LOADS.slice(0, 1),
    stop: async () => {
      await run(CEPH, ['down', directory], { env });
      await rm(directory, { recursive: true });
    },
  };
}

async function report(): Promise<void> {
  const lines = [
    '| place | load | who | wall, s | × | CPU, s | × | peak RSS, MB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results.map((result) => row(result)),
    '',
    ...results
      .filter(({ contender }) => contender === wavspool.name)
      .map(
        ({ place, load, rounds }) =>
          `${place}, ${load}: CPU seconds by role: ${Object.keys(rounds[0]?.stages ?? {})
            .map((role) => `${role} ${median(rounds.map(({ stages }) => stages?.[role] ?? 0)).toFixed(2)}`)
            .join(', ')}`,
      ),
  ];
  await writeResults('comparison', { rounds, results });
  console.log(lines.join('\n'));
}

function medianOf(rounds: readonly Measured[], figure: 'seconds' | 'cpuSeconds' | 'peakRssBytes'): number {
  return median(rounds.map((one) => one[figure]));
}

function row({ place, load, contender, rounds }: Result): string {
  const own = results.find(
    (one) => one.place === place && one.load === load && one.contender === wavspool.name,
  );
  const ratio = (figure: 'seconds' | 'cpuSeconds'): string =>
    own === undefined ? '' : (medianOf(own.rounds, figure) / medianOf(rounds, figure)).toFixed(2);
  return `| ${place} | ${load} | ${contender} | ${medianOf(rounds, 'seconds').toFixed(2)} | ${ratio('seconds')} | ${medianOf(rounds, 'cpuSeconds').toFixed(2)} | ${ratio('cpuSeconds')} | ${Math.round(medianOf(rounds, 'peakRssBytes') / 1e6)} |`;
}
