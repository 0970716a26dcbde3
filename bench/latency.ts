import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { makeSmallTars } from './corpus.ts';
import { sleep, startFleet, type Fleet } from './fleet.ts';
import { openSink } from './open-sink.ts';
import { judgedTable, median, percentile, writeResults } from './report.ts';

// `make bench-latency`: how long after the quiet period a small tar's recordings are in the bucket. Each tar is renamed into
// the landing directory when it is complete, and found by the watcher. The next one comes while the last is still quiet, but
// not while it is being worked on, so that each finds an idle wavspool, as a single tar would.

const { values } = parseArgs({
  options: {
    tars: { type: 'string', default: '50' },
    /** How long after one the next is put in place: longer than one takes after its quiet period. */
    everyMs: { type: 'string', default: '700' },
  },
});
const TARS = Number(values.tars);
const EVERY_MS = Number(values.everyMs);
const EACH = 5;
const BYTES = 20_000;
const LOOK_MS = 5;
const DEADLINE_MS = 60_000;

/** When things happened to a tar, ms since 1970. */
interface Passage {
  readonly placedAt: number;
  readonly storedAt: number;
}

const scratch = await mkdtemp(join(tmpdir(), 'wavspool-latency-'));
const sink = await openSink(0);
try {
  const tars = await Array.fromAsync(makeSmallTars(scratch, { tars: TARS, each: EACH, bytes: BYTES }));
  const fleet = await startFleet(scratch, sink.target, 'latency/');
  try {
    await report(fleet, await measure(fleet, tars));
  } finally {
    await fleet.stop();
  }
} finally {
  await sink.stop();
  await rm(scratch, { recursive: true });
}

/** Puts one tar after the other in place. Throws when one of them is not stored within a minute. */
async function measure(fleet: Fleet, tars: readonly string[]): Promise<ReadonlyMap<string, Passage>> {
  const open = new Map<string, number>();
  const passages = new Map<string, Passage>();
  const place = async (): Promise<void> => {
    for (const tar of tars) {
      const placed = join(fleet.settings.paths.incoming, basename(tar));
      open.set(placed, now());
      await rename(tar, placed);
      await sleep(EVERY_MS);
    }
  };
  const db = new Database(fleet.settings.paths.state, { readonly: true });
  const count = db.prepare("SELECT count(*) FROM uploads WHERE tar = ? AND status = 'SUCCESS'").pluck();
  const look = async (): Promise<void> => {
    while (passages.size < tars.length) {
      for (const [tar, placedAt] of open) {
        const storedAt = now();
        if (storedAt - placedAt > DEADLINE_MS) throw new Error(`${tar} is not stored after a minute`);
        if ((count.get(tar) as number) < EACH) continue;
        open.delete(tar);
        passages.set(tar, { placedAt, storedAt });
      }
      await sleep(LOOK_MS);
    }
  };
  try {
    await Promise.all([place(), look()]);
  } finally {
    db.close();
  }
  return passages;
}

async function report(fleet: Fleet, passages: ReadonlyMap<string, Passage>): Promise<void> {
  const quietMs = fleet.settings.arrival.quietSeconds * 1000;
  const beyondQuiet = [...passages.values()].map(({ placedAt, storedAt }) => storedAt - placedAt - quietMs);
  const arrived = await fleet.logged('tar arrived');
  const extracted = new Map(
    (await fleet.logged('tar extracted')).map(({ at, fields }) => [fields['tar'], at]),
  );
  const stages = arrived.flatMap(({ at, fields }) => {
    const passage = passages.get(String(fields['tar']));
    const extractedAt = extracted.get(fields['tar']);
    if (passage === undefined || extractedAt === undefined) return [];
    return {
      arrival: at - passage.placedAt - quietMs,
      extraction: extractedAt - at,
      upload: passage.storedAt - extractedAt,
    };
  });
  const figures = {
    tars: passages.size,
    recordingsEach: EACH,
    quietMs,
    foundByEvent: arrived.filter(({ fields }) => fields['by'] === 'event').length,
    /** Beyond the quiet period. */
    p50Ms: percentile(beyondQuiet, 50),
    p95Ms: percentile(beyondQuiet, 95),
    maxMs: Math.max(...beyondQuiet),
    /** The medians: until it is queued, until its recordings are, until the last of them is stored. */
    stagesMs: {
      arrival: median(stages.map(({ arrival }) => arrival)),
      extraction: median(stages.map(({ extraction }) => extraction)),
      upload: median(stages.map(({ upload }) => upload)),
    },
    beyondQuietMs: beyondQuiet,
  };
  const { p50Ms, p95Ms, maxMs, stagesMs, foundByEvent } = figures;
  const table = judgedTable([
    { what: 'p50 beyond quietSeconds', value: p50Ms, unit: 'ms' },
    { what: 'p95 beyond quietSeconds', value: p95Ms, unit: 'ms', atMost: 300 },
    { what: 'max beyond quietSeconds', value: maxMs, unit: 'ms' },
    ...Object.entries(stagesMs).map(([stage, ms]) => ({ what: `of it, ${stage}`, value: ms, unit: 'ms' })),
  ]);
  console.log(`${table}\n\n${foundByEvent} of ${TARS} found by the watcher`);
  console.log(await writeResults('latency', figures));
}

/** ms since 1970, as the log has them, with the fraction that `Date.now` lacks. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
