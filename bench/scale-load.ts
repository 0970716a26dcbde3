import { createConnection } from 'node:net';
import Database from 'better-sqlite3';
import { embeddedSocket } from '../src/platform/config/index.ts';
import { sleep, type Fleet } from './fleet.ts';
import { memoryBelow } from './process-tree.ts';

/** Rows never go, so the greatest rowid is their number, and the others are few: counting the SUCCESS rows reads them all. */
const STORED = `SELECT coalesce(max(rowid), 0) - (SELECT count(*) FROM uploads WHERE status <> 'SUCCESS') FROM uploads`;
const LOOK_MS = 250;
const PARTS = 10;

/** What is seen every few seconds while the tars are carried. */
export interface Sample {
  /** Since the first recording was stored. */
  readonly seconds: number;
  readonly stored: number;
  readonly redisUsedBytes: number;
  /** Of each role, of `wavspool`, which supervises them, of `redis-server` and of `sink`, which is the bench's own. */
  readonly rssBytes: Readonly<Record<string, number>>;
}

export interface Carried {
  /** From the first recording stored to the last. */
  readonly seconds: number;
  /** Recordings a second in each tenth of them. */
  readonly throughputs: readonly number[];
  readonly peakRssBytes: Readonly<Record<string, number>>;
  readonly peakRedisUsedBytes: number;
  readonly samples: readonly Sample[];
}

/** Watches a fleet until it has stored so many recordings; `place` is told how many it has each time that it looks. */
export async function watchLoad(
  fleet: Fleet,
  sinkPid: number,
  { recordings, everySeconds }: { readonly recordings: number; readonly everySeconds: number },
  place: (stored: number) => Promise<void>,
): Promise<Carried> {
  const db = new Database(fleet.settings.paths.state, { readonly: true });
  const storedNow = db.prepare(STORED).pluck();
  const peaks: Record<string, number> = {};
  const samples: Sample[] = [];
  const progress: Point[] = [];
  let peakRedisUsedBytes = 0;
  let beganAt = Infinity;
  try {
    for (let stored = 0, sampledAt = -Infinity; stored < recordings; await sleep(LOOK_MS)) {
      stored = storedNow.get() as number;
      const now = performance.now() / 1000;
      if (stored > 0 && beganAt === Infinity) beganAt = now;
      if (stored > 0) progress.push({ seconds: now - beganAt, stored });
      await place(stored);
      if (stored < recordings && now - sampledAt < everySeconds) continue;
      sampledAt = now;
      const processes = [...memoryBelow(fleet.pid), ...memoryBelow(sinkPid)];
      for (const { name, peakRssBytes } of processes) peaks[name] = Math.max(peaks[name] ?? 0, peakRssBytes);
      const redis = await redisMemory(fleet);
      peakRedisUsedBytes = Math.max(peakRedisUsedBytes, redis.peakBytes);
      const rssBytes = Object.fromEntries(processes.map(({ name, rssBytes }) => [name, rssBytes]));
      samples.push({
        seconds: Math.max(0, now - beganAt),
        stored,
        redisUsedBytes: redis.usedBytes,
        rssBytes,
      });
    }
  } finally {
    db.close();
  }
  return {
    seconds: progress.at(-1)?.seconds ?? 0,
    throughputs: throughputs(progress, recordings),
    peakRssBytes: peaks,
    peakRedisUsedBytes,
    samples,
  };
}

interface Point {
  readonly seconds: number;
  readonly stored: number;
}

function throughputs(progress: readonly Point[], recordings: number): readonly number[] {
  const times = Array.from({ length: PARTS + 1 }, (_, part) =>
    timeOf(progress, Math.max(progress[0]?.stored ?? 0, (part * recordings) / PARTS)),
  );
  const first = progress[0]?.stored ?? 0; // what the first look found came before the clock ran
  return times.slice(1).map((end, part) => {
    const carried = recordings / PARTS - (part === 0 ? first : 0);
    return carried / (end - (times[part] ?? 0));
  });
}

/** When so many were stored, between the looks before and after. */
function timeOf(progress: readonly Point[], stored: number): number {
  const after = progress.findIndex((point) => point.stored >= stored);
  const [from, to] = [progress[Math.max(0, after - 1)], progress[after]];
  if (from === undefined || to === undefined) return Number.NaN;
  if (from === to) return to.seconds;
  return from.seconds + ((stored - from.stored) / (to.stored - from.stored)) * (to.seconds - from.seconds);
}

/** What Redis says of its memory, on a connection of its own: a client would be more than this. */
function redisMemory({ settings }: Fleet): Promise<{ usedBytes: number; peakBytes: number }> {
  return new Promise((resolve, reject) => {
    let text = '';
    const connection = createConnection(embeddedSocket(settings.paths.data));
    connection.on('connect', () => connection.write('INFO memory\r\nQUIT\r\n'));
    connection.on('data', (data) => (text += data.toString()));
    connection.on('error', reject);
    connection.on('end', () =>
      resolve({ usedBytes: bytesIn(text, 'used_memory'), peakBytes: bytesIn(text, 'used_memory_peak') }),
    );
  });
}

function bytesIn(info: string, field: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
}
