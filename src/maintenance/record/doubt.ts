import { applyKeep, usualStep, type Keep } from '../retention/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import { openDoubt, type CopyRecord, type Doubt, type Uptime } from './record.ts';

/** Fewer than so many rows or files come and go. */
const FEW = 10;
/** Two readings of a clock that is being steered differ by less. */
const CLOCK_SLACK_MS = 10 * 60_000;
/** A step of the clock is out of the ordinary beyond so many usual ones, and not below so many ms. */
const USUAL_STEPS = 4;
const LEAST_LEAP_MS = 4 * 24 * 3_600_000;

/** What is known of a copy that was just made. */
export type Made = Pick<CopyRecord, 'file' | 'at' | 'amounts'> & { readonly uptime?: Uptime | undefined };

/**
 * Why a copy that was just made may not be what it should be, given the earlier ones of its owner: it holds nothing or little of
 * what the last good one held, or the clock jumped. A step ahead is in doubt only where `keep` would let copies go for it, and not
 * where the time since the host was started bears it out. Undefined when all is as it should be.
 */
export function doubtOf(
  made: Made,
  earlier: readonly CopyRecord[],
  keep: Keep | undefined,
  timezone: string,
): Doubt | undefined {
  const good = earlier
    .filter((record) => openDoubt(record) === undefined)
    .toSorted((a, b) => b.count - a.count || b.at - a.at);
  const [last] = good;
  if (last === undefined) return undefined;
  const content = contentDoubt(made, last);
  if (content !== undefined) return { about: 'content', said: content };
  const clock = clockDoubt(made, last, good, keep, timezone);
  return clock === undefined ? undefined : { about: 'clock', said: clock };
}

function contentDoubt({ amounts }: Made, last: CopyRecord): string | undefined {
  if (last.kind === 'mirror') return mirrorDoubt(amounts, last);
  const [before, after] = [total(last.amounts), total(amounts)];
  if (before > 0 && after === 0) return `it holds no rows, and ${last.file} holds ${before}`;
  const filled = Object.keys(last.amounts).filter((name) => (last.amounts[name] ?? 0) > 0);
  const gone = filled.filter((name) => amounts[name] === undefined);
  if (gone.length > filled.length / 2)
    return `${gone.length} of the ${filled.length} tables that ${last.file} holds are not in it: it may be another database`;
  if (before >= FEW && after < before / 2) return `it holds ${after} rows, and ${last.file} holds ${before}`;
  return undefined;
}

/** A mirror is looked at part by part: one disk that is not mounted is as bad as all of them. */
function mirrorDoubt(
  amounts: CopyRecord['amounts'],
  { file, amounts: earlier }: CopyRecord,
): string | undefined {
  for (const [part, before] of Object.entries(earlier)) {
    const now = amounts[part];
    if (now === undefined) continue; // the settings ask for it no more
    if ((before > 0 && now === 0) || (before >= FEW && now < before / 2))
      return `${part}: ${now}, and ${file} has ${before}`;
  }
  return undefined;
}

function total(amounts: Readonly<Record<string, number>>): number {
  return Object.values(amounts).reduce((sum, amount) => sum + amount, 0);
}

function clockDoubt(
  made: Made,
  last: CopyRecord,
  good: readonly CopyRecord[],
  keep: Keep | undefined,
  timezone: string,
): string | undefined {
  const stepMs = made.at - last.at;
  if (stepMs < -CLOCK_SLACK_MS)
    return `the clock said ${isoTime(made.at)}, and when ${last.file} was made before it, ${isoTime(last.at)}`;
  const usualMs = usualStep(good.map(({ at }) => at));
  if (stepMs <= Math.max(USUAL_STEPS * (usualMs ?? 0), LEAST_LEAP_MS)) return undefined;
  if (passed(made.uptime, last.uptime, stepMs)) return undefined;
  if (!letsGo(made, last, good, usualMs, keep, timezone)) return undefined;
  const days = Math.round(stepMs / 86_400_000);
  return `its time lies ${days} days behind that of ${last.file}: a host that was off, or a clock that jumped`;
}

/** Whether the host ran all the time between the two, and so long. */
function passed(now: Uptime | undefined, then: Uptime | undefined, stepMs: number): boolean {
  if (now === undefined || then === undefined || now.bootId !== then.bootId) return false;
  const ranMs = now.uptimeMs - then.uptimeMs;
  return Math.abs(ranMs - stepMs) <= Math.max(CLOCK_SLACK_MS, stepMs / 100);
}

/**
 * Whether copies go because of the step, that would stay after a usual one. While too few copies tell what is usual, one may go, as
 * at any step, but not the only one.
 */
function letsGo(
  made: Made,
  last: CopyRecord,
  good: readonly CopyRecord[],
  usualMs: number | undefined,
  keep: Keep | undefined,
  timezone: string,
): boolean {
  const dated = good.map(({ file, at }) => ({ name: file, at, verified: true }));
  const keptWith = (at: number): readonly string[] =>
    applyKeep([...dated, { name: made.file, at, verified: true }], keep, timezone, at)
      .filter(({ item, keep: stays }) => stays && item.name !== made.file)
      .map(({ item }) => item.name);
  const after = keptWith(made.at);
  const gone = keptWith(last.at + (usualMs ?? 1)).filter((name) => !after.includes(name));
  if (usualMs === undefined && after.length > 0) return gone.length > 1;
  return gone.length > 0;
}
