// Figures and times as people read them. Pure: the tests compare them with what they should say.

/** `1,234,567`. */
export function count(number: number): string {
  return number.toLocaleString('en');
}

/** `1 recording`, `3,602 recordings`. */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `512 B`, `1.4 MiB`. */
export function size(bytes: number): string {
  let at = 0;
  let value = bytes;
  for (; value >= 1024 && at < UNITS.length - 1; at += 1) value /= 1024;
  return `${value.toFixed(at === 0 || value >= 100 ? 0 : 1)} ${UNITS[at] ?? ''}`;
}

/** `45 s`, `12 min`, `3 h`, `9 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

/** The length of a call: `0:07`, `12:34`, `1:02:03`. */
export function playingTime(ms: number): string {
  const all = Math.round(ms / 1000);
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** ms since 1970 of a time as the API gives it, ISO or as `state.db` spells it in UTC; NaN for none. */
export function moment(text: string): number {
  return Date.parse(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) ? `${text.replace(' ', 'T')}Z` : text);
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** `2026-11-28 14:03:22` in that zone; `local` is the browser's own. */
export function clockTime(at: number, zone: string, parts: 'seconds' | 'minutes' = 'seconds'): string {
  const key = `${zone} ${parts}`;
  let format = FORMATS.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', {
      ...(zone !== 'local' && { timeZone: zone }),
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      ...(parts === 'seconds' && { second: '2-digit' }),
    });
    FORMATS.set(key, format);
  }
  return format.format(at);
}

/** The last part of a path, and what stands before it. */
export function splitPath(path: string): { readonly before: string; readonly name: string } {
  const at = path.lastIndexOf('/') + 1;
  return { before: path.slice(0, at), name: path.slice(at) };
}

// eslint-disable-next-line no-control-regex -- these are what is looked for
const HIDDEN = /[\u0000-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/g;

/** A name with what would hide, move or break its text spelt out. */
export function visible(text: string): string {
  return text.replaceAll(HIDDEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** How a value of an event reads in one line. */
export function plain(value: unknown): string {
  if (typeof value === 'string') return visible(value);
  return visible(JSON.stringify(value) ?? '');
}

/** More is a point in time, not a length. */
const TEN_YEARS_MS = 3.2e11;

/** What an event says under that name: times and sizes as people read them, of a fault its message; empty for what says nothing. */
export function told(name: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return measured(name, value);
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (typeof value === 'object' && 'message' in value) return plain(value.message);
  return plain(value);
}

function measured(name: string, value: number): string {
  if (/(^b|B)ytes$/.test(name)) return size(value);
  if (!/(^m|M)s$/.test(name) || value >= TEN_YEARS_MS) return count(value);
  return value < 1000 ? `${value} ms` : span(value);
}
