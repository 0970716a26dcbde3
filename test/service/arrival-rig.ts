import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Header } from 'tar';
import type { EventName, Events, Report } from '../../src/domain/events.ts';
import { startArrival, type Arrival, type ArrivalDeps, type Proof } from '../../src/ingest/arrival/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import type { TarVersion } from '../../src/domain/tar.ts';

const BLOCK = 512;

/** A tar with members of that many bytes each; without its end marker when `cut`. */
export function tarOf(memberBytes: readonly number[], { cut = false } = {}): Buffer {
  const members = memberBytes.map((size, i) => {
    const block = Buffer.alloc(BLOCK + Math.ceil(size / BLOCK) * BLOCK, 7);
    new Header({ path: `m${i}.wav`, type: 'File', mode: 0o644, size, mtime: new Date(0) }).encode(block, 0);
    return block;
  });
  return Buffer.concat(cut ? members : [...members, Buffer.alloc(2 * BLOCK)]);
}

/** Walks the headers of an uncompressed tar to its end marker. */
export async function proveTar(file: string): Promise<Proof> {
  const bytes = await readFile(file);
  let members = 0;
  let at = 0;
  while (at + 2 * BLOCK <= bytes.length) {
    if (bytes.subarray(at).every((byte) => byte === 0))
      return { kind: 'complete', members, bytes: bytes.length };
    const header = new Header(bytes, at);
    if (!header.cksumValid) return { kind: 'corrupt', reason: `no header at byte ${at}` };
    at += BLOCK + Math.ceil((header.size ?? 0) / BLOCK) * BLOCK;
    members += 1;
  }
  return { kind: 'incomplete', reason: `ends at byte ${bytes.length}` };
}

export const SETTINGS: ArrivalDeps['settings'] = {
  patterns: ['**/*.tar'],
  temporary: ['**/*.part', '**/.*'],
  quietSeconds: 0.2,
  doneMarker: undefined,
  rescanSeconds: 3600,
  order: 'newest',
  incompleteAfterSeconds: 3600,
  unterminated: 'incomplete' as const,
};

type Reported = { [E in EventName]: { readonly event: E; readonly fields: Events[E] } }[EventName];

export interface Recorder {
  readonly deps: ArrivalDeps;
  /** What was handed to be queued, in order. */
  readonly queued: TarVersion[];
  readonly reported: Reported[];
  readonly of: <E extends EventName>(event: E) => Events[E][];
}

/** Dependencies on the real file system that remember what was reported and queued; what was queued is known. */
export function recordingDeps(incoming: string, changed: Partial<ArrivalDeps> = {}): Recorder {
  const queued: TarVersion[] = [];
  const reported: Reported[] = [];
  const report: Report = (event, fields) => void reported.push({ event, fields } as Reported);
  const deps: ArrivalDeps = {
    settings: SETTINGS,
    incoming,
    clock: systemClock,
    report,
    known: async (batch) => {
      const keys = new Set(queued.map(({ path, size, mtimeMs }) => `${path}\0${size}\0${mtimeMs}`));
      const known = batch.filter((tar) => keys.has(`${tar.path}\0${tar.size}\0${tar.mtimeMs}`));
      return new Set(known.map((tar) => tar.path));
    },
    queue: async (batch) => void queued.push(...batch),
    waiting: () => Promise.resolve(0),
    underWay: () => Promise.resolve(new Set()),
    prove: proveTar,
    ...changed,
  };
  const of = <E extends EventName>(event: E): Events[E][] =>
    reported.filter((entry) => entry.event === event).map(({ fields }) => fields as Events[E]);
  return { deps, queued, reported, of };
}

export interface Rig extends Recorder, AsyncDisposable {
  readonly arrival: Arrival;
  readonly incoming: string;
  /** An absolute path in the landing directory. */
  at(relativePath: string): string;
}

/** A landing directory of its own with arrival on it. `before` fills it first; returns when it is watched. */
export async function startRig(
  changed: Partial<ArrivalDeps> = {},
  before?: (incoming: string) => Promise<void>,
): Promise<Rig> {
  const base = await mkdtemp(path.join(tmpdir(), 'arrival-'));
  const incoming = path.join(base, 'incoming');
  await before?.(incoming);
  const recorder = recordingDeps(incoming, changed);
  const arrival = await startArrival(recorder.deps);
  await until(() => recorder.of('watching').length > 0);
  return {
    ...recorder,
    arrival,
    incoming,
    at: (relativePath) => path.join(incoming, relativePath),
    [Symbol.asyncDispose]: async () => {
      await arrival.stop();
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Waits until that holds; fails after 60 s. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`still not so: ${holds.toString()}`);
    await pause(20);
  }
}
