import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { networkLedger, type Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { FAULTS, WavspoolError, messageOf, unlessGone } from '../../domain/faults.ts';
import { every, isoTime, writeDurably, type Clock } from '../../platform/runtime/index.ts';
import { quickCheck, quickCheckHere } from '../../platform/sqlite/index.ts';

/** What the last look through the whole of `state.db` found. */
export interface StateCheck {
  /** ISO in UTC. */
  readonly at: string;
  /** What is wrong with it, at most 20 lines; none means sound. */
  readonly faults: readonly string[];
}

interface Note extends StateCheck {
  /** Which file it was: one that was restored since has not been looked at. */
  readonly file: string;
}

/** Where the ledger is: only one in a file is looked through here. */
type LedgerPlace = Pick<Settings, 'paths' | 'state'>;
type StatePaths = Pick<Settings['paths'], 'data' | 'state'>;

/** So small a file is looked through in a third of a second. */
const SMALL_BYTES = 256 * 1024 * 1024;
/** So small a file is looked through in less than the tenth of a second that a thread takes to start. */
const TINY_BYTES = 32 * 1024 * 1024;
/** So small a file is looked through in milliseconds, also by a role that others wait for. */
const LITTLE_BYTES = 4 * 1024 * 1024;
/** A look takes at most a two-hundredth of the time, is made at least every six hours, and at most every minute. */
const SHARE = 200;
const MOST_OFTEN_MS = 60_000;
const LEAST_OFTEN_MS = 6 * 3_600_000;

/** How long to wait after a look that took `tookMs`. */
export function nextCheckMs(tookMs: number): number {
  return Math.min(LEAST_OFTEN_MS, Math.max(MOST_OFTEN_MS, tookMs * SHARE));
}

/** Looks through `state.db` now, if it is small enough to wait for it, else tells what the last look found; undefined: nothing is known. */
export async function checkStateNow(
  place: LedgerPlace,
  clock: Clock,
  signal: AbortSignal,
): Promise<StateCheck | undefined> {
  if (networkLedger(place) !== undefined) return undefined;
  const { paths } = place;
  const file = await stat(paths.state).catch(unlessGone);
  if (file === undefined) return undefined;
  if (file.size > SMALL_BYTES) return lastStateCheck(place);
  const at = isoTime(clock.now());
  if (file.size <= TINY_BYTES) return { at, faults: quickCheckHere(paths.state) };
  return { at, faults: await quickCheck(paths.state, signal) };
}

/** Throws STATE_DAMAGED when `state.db` is found damaged, or was at the last look through it. */
export async function refuseDamagedState(
  place: LedgerPlace,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const [fault] = (await checkStateNow(place, clock, signal))?.faults ?? [];
  if (fault !== undefined)
    throw new WavspoolError('STATE_DAMAGED', `${place.paths.state} is damaged: ${fault}`);
}

/** What the last look found, from the note that it left; undefined when this file was never looked through. */
export async function lastStateCheck(place: LedgerPlace): Promise<StateCheck | undefined> {
  if (networkLedger(place) !== undefined) return undefined;
  const { paths } = place;
  const text = await readFile(noteOf(paths), 'utf8').catch(unlessGone);
  if (text === undefined) return undefined;
  const { file, at, faults } = JSON.parse(text) as Note;
  return file === (await identityOf(paths.state)) ? { at, faults } : undefined;
}

/**
 * Looks through `state.db` now and then, until stopped, and off the event loop unless it is little; notes and reports what it finds.
 */
export async function keepCheckingState(
  place: LedgerPlace,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
  signal: AbortSignal,
): Promise<void> {
  if (networkLedger(place) !== undefined) return;
  const { paths } = place;
  let wasDamaged = false;
  let startedAt = clock.monotonicMs();
  const check = async (): Promise<void> => {
    startedAt = clock.monotonicMs();
    const isLittle = ((await stat(paths.state).catch(unlessGone))?.size ?? 0) <= LITTLE_BYTES;
    const faults = isLittle ? quickCheckHere(paths.state) : await quickCheck(paths.state, signal);
    const file = (await identityOf(paths.state)) ?? '';
    const note: Note = { at: isoTime(clock.now()), faults, file };
    await writeDurably(noteOf(paths), `${JSON.stringify(note, null, 2)}\n`, 0o640);
    if (faults.length > 0) {
      report('state damaged', { file: paths.state, faults, remedy: FAULTS.STATE_DAMAGED.remedy });
    } else if (wasDamaged) report('state sound', { file: paths.state });
    wasDamaged = faults.length > 0;
  };
  const failed = (error: unknown): void =>
    report('state not checked', { file: paths.state, reason: messageOf(error) });
  const pauseMs = (): number => nextCheckMs(clock.monotonicMs() - startedAt);
  await every(pauseMs, check, { clock, signal, failed });
}

async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(unlessGone);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

function noteOf({ data }: StatePaths): string {
  return join(data, 'state-check.json');
}
