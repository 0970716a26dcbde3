import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EventName, Report } from '../../src/domain/events.ts';
import {
  runMirror,
  type MirrorDeps,
  type MirrorResult,
  type MirrorSettings,
} from '../../src/maintenance/mirror/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';

export const FIRST = Date.parse('2026-11-20T03:00:00Z');
export const DAY = 86_400_000;
/** The id of the data directory of a wavspool. */
export const ORIGIN = '6f1c5a52-1f0e-4f43-8f5e-0d0d5d9f7a11';
export const CATALOGUE = { timezone: 'UTC', origin: ORIGIN };
export const never = new AbortController().signal;

/** A directory and what mirrors it, in a place of its own. */
export interface MirrorRig extends AsyncDisposable {
  /** Where both lie. */
  readonly home: string;
  readonly source: string;
  readonly dir: string;
  readonly events: { event: EventName; fields: object }[];
  readonly mirror: MirrorSettings;
  /** Writes a file below the source; its time is the day before the first mirror unless told otherwise. */
  put(path: string, content: string | Buffer, mtime?: number): string;
  /** One run, at that moment. */
  run(
    at?: number,
    changes?: Partial<MirrorSettings>,
    more?: Partial<MirrorDeps>,
    signal?: AbortSignal,
  ): Promise<MirrorResult>;
}

/** Makes an empty source; `dir` is where the mirrors go, else a directory of the rig's. */
export async function startMirrorRig({ dir }: { dir?: string } = {}): Promise<MirrorRig> {
  const home = await mkdtemp(join(tmpdir(), 'wavspool-mirror-'));
  const source = join(home, 'source of it');
  const target = dir ?? join(home, '-mirrors');
  mkdirSync(source);
  const events: MirrorRig['events'] = [];
  const report: Report = (event, fields) => events.push({ event, fields });
  const mirror: MirrorSettings = {
    name: 'audio',
    source,
    exclude: [],
    databases: [],
    dir: target,
    cron: '0 3 * * *',
  };
  return {
    home,
    source,
    dir: target,
    events,
    mirror,
    put: (path, content, mtime = FIRST - DAY) => {
      const file = join(source, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      utimesSync(file, mtime / 1000, mtime / 1000);
      return file;
    },
    run: (at = FIRST, changes = {}, more = {}, signal = never) =>
      runMirror(
        {
          clock: { ...systemClock, now: () => at },
          report,
          timezone: 'UTC',
          origin: ORIGIN,
          databases: [],
          snapshotInto: () => Promise.reject(new Error('no databases here')),
          ...more,
        },
        { ...mirror, ...changes },
        signal,
      ),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  };
}
