import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import {
  ON_POSTGRES,
  OWN,
  aws,
  floor,
  rclone,
  wavspool,
  type Contender,
  type Measured,
} from './contenders.ts';
import { LOADS, makeCorpus, type Load } from './corpus.ts';
import type { Target } from './fleet.ts';
import { startLedgerServers } from './ledger-server.ts';
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
  /** Of the recordings. */
  readonly bytes: number;
  readonly rounds: readonly Measured[];
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    /** Only places whose name contains it: `sink`, `80 ms`, `Ceph`. */
    place: { type: 'string', default: '' },
    load: { type: 'string', default: '' },
    /** Only contenders whose names contain one of these: `wavspool,floor,rclone,aws`. */
    who: { type: 'string', default: '' },
    /** wavspool with `extract.copy: true`, with `false`, or with either in turn (`both`). */
    copy: { type: 'string', default: 'both' },
    /** wavspool once more when it has carried the same tars before. */
    warm: { type: 'boolean', default: false },
    /** wavspool with `state.db`, or with that and with a ledger on PostgreSQL in turn (`postgres`). */
    ledger: { type: 'string', default: 'sqlite' },
  },
});

const PLACES: readonly (readonly [name: string, open: () => Promise<Place>])[] = [
  ...[0, 20, 80].map((ms) => [`sink, ${ms} ms`, () => sink(`sink, ${ms} ms`, ms)] as const),
  ['Ceph’s gateway', () => ceph('Ceph’s gateway')],
];
const rounds = Number(values.rounds);
const who = values.who.split(',');
if (!['true', 'false', 'both'].includes(values.copy)) throw new Error('--copy takes true, false or both');
if (!['sqlite', 'postgres'].includes(values.ledger)) throw new Error('--ledger takes sqlite or postgres');
const servers = values.ledger === 'postgres' ? await startLedgerServers() : undefined;
const ledgers = servers === undefined ? [undefined] : [undefined, servers];
const own = [true, false]
  .filter((copy) => values.copy !== String(!copy))
  .flatMap((copy) =>
    ledgers.flatMap((ledger) => [
      wavspool(copy, false, ledger),
      ...(values.warm ? [wavspool(copy, true, ledger)] : []),
    ]),
  );
const failed: string[] = [];
const results: Result[] = [];
const startedAt = new Date();
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
  await servers?.[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true });
}
await report();
if (failed.length > 0) {
  console.error(`failed, and left out:\n${failed.join('\n')}`);
  process.exitCode = 1;
}

async function compare({ name: place, target, contenders: all, loads }: Place): Promise<void> {
  for (const load of loads.filter(({ name }) => name.includes(values.load))) {
    const isPatient = load === LOADS[0]; // aws takes two minutes for 20,000 recordings, each round
    const contenders = all.filter(
      (one) => who.some((part) => one.name.includes(part)) && (isPatient || one !== aws),
    );
    const { tars, bytes } = await makeCorpus(await mkdtemp(join(scratch, 'corpus-')), load);
    const measured = new Map(contenders.map((one): [string, Measured[]] => [one.name, []]));
    await touchMemory();
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) {
        const prefix = `${load.recordings}/${contender.name.replaceAll(/\W+/g, '-')}/${round}/`;
        await run('sync'); // what the one before has written is not written at this one's cost
        const one = await contender.run(tars, load.recordings, target, prefix, scratch).catch((error) => {
          console.error(error);
          failed.push(`${place}, ${load.name}, round ${round}: ${contender.name}`);
        });
        if (one === undefined) continue; // the hours of the others are not lost with it
        measured.get(contender.name)?.push(one);
        const { seconds, cpuSeconds, writtenBytes } = one;
        const figures = `${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} CPU s, ${(writtenBytes / bytes).toFixed(2)} written per byte`;
        const load1 = loadavg()[0]?.toFixed(1); // of the whole machine, for readers of the figures
        console.log(`${place}, ${load.name}, round ${round}: ${contender.name} ${figures} (load ${load1})`);
      }
    }
    for (const [contender, rounds] of measured)
      if (rounds.length > 0) results.push({ place, load: load.name, contender, bytes, rounds });
    await writeResults('comparison', { rounds, results }, startedAt); // what there is, should a later load be cut off
  }
}

async function sink(name: string, delayMs: number): Promise<Place> {
  const opened = await openSink(delayMs);
  return {
    name,
    target: opened.target,
    contenders: [...own, floor, ...(delayMs === 0 ? peers : [rclone(64)].filter((one) => one.isInstalled()))],
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
    contenders: [...own, floor, ...peers],
    loads: LOADS.slice(0, 1),
    stop: async () => {
      await run(CEPH, ['down', directory], { env });
      await rm(directory, { recursive: true });
    },
  };
}

async function report(): Promise<void> {
  const lines = [
    '| place | load | who | wall, s | ÷ rclone | ÷ floor | CPU, s | ÷ rclone | ÷ floor | peak RSS, MB | written per byte |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results.map((result) => row(result)),
    '',
    ...results
      .filter(({ contender }) => contender.startsWith(OWN))
      .map(
        ({ place, load, contender, rounds }) =>
          `${place}, ${load}, ${contender}: CPU seconds by process: ${Object.keys(rounds[0]?.stages ?? {})
            .map((role) => `${role} ${median(rounds.map(({ stages }) => stages?.[role] ?? 0)).toFixed(2)}`)
            .join(', ')}`,
      ),
  ];
  console.log([...lines, '', ...besideSqlite()].join('\n'));
  console.log(
    await writeResults(servers === undefined ? 'comparison' : 'ledgers', { rounds, results }, startedAt),
  );
}

/** What a ledger on PostgreSQL takes beside `state.db`. */
function besideSqlite(): readonly string[] {
  return results.flatMap((result) => {
    const { place, load, contender } = result;
    const file = results.find(
      (one) => one.place === place && one.load === load && one.contender + ON_POSTGRES === contender,
    );
    if (file === undefined) return [];
    const ratio = (figure: Figure): string =>
      (medianOf(result.rounds, figure) / medianOf(file.rounds, figure)).toFixed(2);
    return `${place}, ${load}, ${contender}: ${ratio('seconds')} of the wall time and ${ratio('cpuSeconds')} of the CPU with SQLite`;
  });
}

type Figure = 'seconds' | 'cpuSeconds' | 'peakRssBytes' | 'writtenBytes';

function medianOf(rounds: readonly Measured[], figure: Figure): number {
  return median(rounds.map((one) => one[figure]));
}

function row(result: Result): string {
  const { place, load, contender, bytes } = result;
  const of = (figure: Figure): number => medianOf(result.rounds, figure);
  const ratioTo = (name: string, figure: Figure): string => {
    const other = results.find(
      (one) => one.place === place && one.load === load && one.contender.includes(name),
    );
    return other === undefined || other === result
      ? ''
      : (of(figure) / medianOf(other.rounds, figure)).toFixed(2);
  };
  const timed = (figure: Figure): readonly string[] => [
    of(figure).toFixed(2),
    ratioTo('rclone', figure),
    ratioTo(floor.name, figure),
  ];
  const cells = [place, load, contender, ...timed('seconds'), ...timed('cpuSeconds')];
  const others = [String(Math.round(of('peakRssBytes') / 1e6)), (of('writtenBytes') / bytes).toFixed(2)];
  return `| ${[...cells, ...others].join(' | ')} |`;
}
