import type { CopiesStatus } from '../maintenance/catalogue/index.ts';
import { roundedSize } from '../platform/runtime/index.ts';
import { counted } from './output.ts';

/** What each schedule keeps, for people: two lines each, what is wrong with it first. `time` shows an ISO time in the zone of all others. */
export function copiesLines(
  copies: readonly CopiesStatus[],
  time: (iso: string) => string,
): readonly string[] {
  return copies.flatMap((one) => [`  ${nameOf(one)}: ${keptOf(one, time)}`, `    ${lastOf(one, time)}`]);
}

function nameOf({ kind, of, schedule }: CopiesStatus): string {
  return kind === 'mirror' || kind === 'log' ? `${kind} ${of}` : `${kind} ${of} ${schedule}`;
}

function keptOf(one: CopiesStatus, time: (iso: string) => string): string {
  const { directory, retention, count, newest, inDoubt, damaged, notOurs, fault } = one;
  if (fault !== undefined) return `CANNOT BE READ: ${fault}`;
  const parts = [
    `${count === 0 ? 'none' : count} in ${directory}`,
    ...(newest !== null
      ? [`newest ${time(newest.at)} (${roundedSize(newest.bytes)})`]
      : count > 0
        ? ['NO GOOD ONE']
        : []),
    ...(inDoubt.length === 0 ? [] : [`${inDoubt.length} IN DOUBT`]),
    ...(damaged.length === 0 ? [] : [`${damaged.length} BAD`]),
    ...(notOurs === 0 ? [] : [`${counted(notOurs, 'other')} there`]),
    `kept: ${retention}`,
  ];
  return parts.join(', ');
}

function lastOf({ enabled, on, next, last }: CopiesStatus, time: (iso: string) => string): string {
  const when = [
    ...(next === null ? [] : [`next ${time(next)}`]),
    ...(on === undefined ? [] : [`on ${on}`]),
    ...(enabled ? [] : ['only on request']),
  ].join(' and ');
  if (last === null) return `not run yet, ${when}`;
  const { at, outcome, ms, bytes, error } = last;
  const took = ms === undefined ? '' : ` in ${Math.round(ms / 100) / 10} s`;
  const size = bytes === undefined ? '' : `, ${roundedSize(bytes)}`;
  const why = error === undefined ? '' : `: ${error}`;
  return `last run ${outcome === 'failed' ? 'FAILED' : outcome} ${time(at)}${took}${size}${why}, ${when}`;
}
