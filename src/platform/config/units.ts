const MS_PER_UNIT = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const BYTES_PER_UNIT = { TiB: 1024 ** 4, GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 } as const;

/** Milliseconds of `200ms`, `30s`, `5m`, `2h`, `30d` or `12w`; undefined for anything else, also for what no number holds exactly. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, MS_PER_UNIT);
}

/** Bytes of `512KiB`, `16MiB`, `2GiB`, `1TiB`, `100B` or `100`; undefined for anything else, also for what no number holds exactly. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(/^\d+$/.test(text) ? `${text}B` : text, BYTES_PER_UNIT);
}

/** The shortest text that {@link parseDuration} reads as exactly `ms`, which is a whole number of milliseconds, 0 or more. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, MS_PER_UNIT, 's');
}

/** The shortest text that {@link parseSize} reads as exactly `bytes`, which is a whole number, 0 or more. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, BYTES_PER_UNIT, 'B');
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = /^(\d+)([A-Za-z]+)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  const value = Number(digits) * (units[unit] ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}

function formatQuantity(value: number, units: Readonly<Record<string, number>>, unitOfZero: string): string {
  if (value === 0) return `0${unitOfZero}`;
  for (const [unit, factor] of Object.entries(units)) {
    if (value % factor === 0) return `${value / factor}${unit}`;
  }
  throw new RangeError(`${value} is not a whole number`);
}
