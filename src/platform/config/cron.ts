interface CronField {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names that stand for numbers, the first of them for `min`. */
  readonly words: readonly string[];
}

const FIELDS: readonly CronField[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of the month', min: 1, max: 31, words: [] },
  {
    name: 'month',
    min: 1,
    max: 12,
    words: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  { name: 'day of the week', min: 0, max: 7, words: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] },
];

const LONGEST_MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * What is wrong with a cron pattern of 5 fields, or undefined. Steps, ranges, lists and English names of months and
 * weekdays are known; a pattern that no day of any year meets is a fault too, for it would never run.
 */
export function cronFault(pattern: string): string | undefined {
  const texts = pattern.trim().split(/\s+/);
  if (texts.length !== FIELDS.length) return 'a cron pattern of 5 fields, e.g. "0 2 * * *"';
  const values: number[][] = [];
  for (const [index, field] of FIELDS.entries()) {
    const numbers = fieldNumbers(texts[index] ?? '', field);
    if (numbers === undefined)
      return `a cron pattern whose ${field.name} is within ${field.min}-${field.max}`;
    values.push(numbers);
  }
  const [, , days = [], months = []] = values;
  // cron takes a day that meets either day field, so a restricted weekday always comes round
  const weekdayIsFree = texts[4] === '*';
  const happens = months.some((month) => days.some((day) => day <= (LONGEST_MONTH_DAYS[month - 1] ?? 0)));
  return weekdayIsFree && !happens ? 'a cron pattern whose day of the month exists in its month' : undefined;
}

function fieldNumbers(text: string, field: CronField): number[] | undefined {
  const numbers: number[] = [];
  for (const part of text.split(',')) {
    const [, range = '', step] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(part) ?? [];
    const bounds = rangeBounds(range, field, step !== undefined);
    const stride = step === undefined ? 1 : Number(step);
    if (bounds === undefined || stride < 1) return undefined;
    const ofPart = new Set<number>();
    for (let number = bounds[0]; number <= bounds[1]; number += stride)
      ofPart.add(field.max === 7 ? number % 7 : number);
    numbers.push(...ofPart);
  }
  // the scheduler refuses a list that names a moment twice, 0 and 7 being the same Sunday
  return new Set(numbers).size === numbers.length ? numbers : undefined;
}

/** The first and last number of `*`, `5`, `1-5` or `MON-FRI`; a lone number with a step runs to the end of the field. */
function rangeBounds(
  text: string,
  field: CronField,
  stepped: boolean,
): readonly [number, number] | undefined {
  if (text === '*') return [field.min, field.max];
  const [first = '', last, ...more] = text.split('-');
  const from = fieldNumber(first, field);
  const to = last === undefined ? (stepped ? field.max : from) : fieldNumber(last, field);
  return from === undefined || to === undefined || from > to || more.length > 0 ? undefined : [from, to];
}

function fieldNumber(text: string, field: CronField): number | undefined {
  const word = field.words.indexOf(text.toUpperCase());
  const number = word >= 0 ? word + field.min : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return number >= field.min && number <= field.max ? number : undefined;
}
