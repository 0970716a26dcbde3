import type { Keep } from './policy.ts';

const DAY_MS = 86_400_000;

/** A settings key `keep` in words, as lists and the status give it. */
export function keepInWords(keep: Keep | undefined): string {
  if (keep === undefined) return 'all';
  const { last, days, daily, weekly, monthly, within, withinWeekly, withinMonthly, weekday } = keep;
  const rules = [
    last === undefined ? undefined : `the newest ${last}`,
    days === undefined ? undefined : `all of ${days} days`,
    within === undefined ? undefined : `all within ${span(within)}`,
    daily === undefined ? undefined : `one a day for ${daily} days`,
    weekly === undefined ? undefined : `one a week (${weekday}) for ${weekly} weeks`,
    withinWeekly === undefined ? undefined : `one a week (${weekday}) within ${span(withinWeekly)}`,
    monthly === undefined ? undefined : `one a month for ${monthly} months`,
    withinMonthly === undefined ? undefined : `one a month within ${span(withinMonthly)}`,
  ];
  return rules.filter((rule) => rule !== undefined).join(', ');
}

function span(ms: number): string {
  return ms % DAY_MS === 0 ? `${ms / DAY_MS} days` : `${Math.round(ms / 360_000) / 10} hours`;
}
