import type { NewEvent } from '../../domain/history.ts';
import type { LoggedEvent } from '../../platform/log/index.ts';

const MOST_FIELDS_BYTES = 8192;
/** Twice twenty names with their reasons fit. */
const MOST_NAME_CHARACTERS = 120;
/** Programs of wavspool's own say `by` too: those are no people. */
const AUTOMATIC = new Set(['event', 'rescan', 'schedule', 'the end of its time']);

/** What is kept of an event of the log. */
export function newEvent({ id, at, level, event, role, fields }: LoggedEvent): NewEvent {
  const { recording, tar, by } = fields;
  const about = typeof recording === 'string' ? recording : typeof tar === 'string' ? tar : undefined;
  const who = typeof by === 'string' && !AUTOMATIC.has(by) ? by : undefined;
  return { id, at, level, event, role, by: who, about, fields: shortened(fields) };
}

function shortened(fields: LoggedEvent['fields']): NewEvent['fields'] {
  if (JSON.stringify(fields).length <= MOST_FIELDS_BYTES) return fields;
  const short = withShortNames(fields);
  const text = JSON.stringify(short);
  // a stack may be long; what it begins with says what it was
  return text.length > MOST_FIELDS_BYTES ? { shortened: text.slice(0, MOST_FIELDS_BYTES) } : short;
}

/** Of a list of names each keeps its beginning. */
function withShortNames(fields: LoggedEvent['fields']): LoggedEvent['fields'] {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? value.map(short) : value]),
  );
}

function short(name: unknown): unknown {
  return typeof name === 'string' && name.length > MOST_NAME_CHARACTERS
    ? `${name.slice(0, MOST_NAME_CHARACTERS)}…`
    : name;
}
