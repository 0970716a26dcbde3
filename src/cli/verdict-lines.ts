import { isWell, type Verdict } from '../operate/health/index.ts';
import type { Status } from '../operate/status/index.ts';
import { counted } from './output.ts';
import { localTime, withLocalTimes } from './times.ts';

/** The verdict for people: one sentence, then each problem with its remedy, then what waits. */
export function verdictLines(
  { verdict, uses }: Pick<Status, 'verdict' | 'uses'>,
  timezone: string,
): readonly string[] {
  const { attention, held } = verdict;
  const since = (at: string | null): string => (at === null ? '' : ` since ${localTime(at, timezone)}`);
  const local = (text: string): string => withLocalTimes(text, timezone);
  return [
    sentence(verdict, uses.recordings),
    ...attention.flatMap(({ what, since: at, effect, remedy, command }) => [
      `  ! ${local(what)}`,
      `    ${at === null ? '' : `Since ${localTime(at, timezone)}. `}${local(effect)}`,
      `    → ${remedy}${command === null ? '' : `  ${command}`}`,
    ]),
    ...held.map(
      ({ what, reason, since: at, count }) =>
        `  · ${what}${count === null ? '' : `, ${count} waiting`}: ${local(reason)}${since(at)}`,
    ),
  ];
}

function sentence(verdict: Verdict, recordings: boolean): string {
  const { alive, attention } = verdict;
  if (isWell(verdict)) return recordings ? 'all well: everything that landed is on its way' : 'all well';
  const problems = `${counted(attention.length, 'problem')} need${attention.length === 1 ? 's' : ''} attention`;
  return alive ? problems : `work waits that no role does; ${problems}`;
}
