import type { TarBytes } from './bytes.ts';
import { decimal } from './decimal.ts';
import { MAX_MEMBER_BYTES } from './header.ts';
import { gatherSparse, isSparseKey, MAX_MAP_BYTES, type PaxSparse } from './pax-sparse.ts';

/** What a PAX extended header says about a member. `null`: an empty value, which takes back what a global header said. */
export interface PaxFacts {
  readonly path?: Uint8Array | null;
  readonly linkPath?: Uint8Array | null;
  readonly size?: number | null;
  readonly sparse?: PaxSparse;
}

/** Why a header cannot be used. */
export interface PaxFault {
  readonly fault: string;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;
const NO_LIST = 'an extended header that is no list of "length key=value" lines';
/** Digits of a number and what pads them. */
const MAX_NUMBER_BYTES = 32;
/** Keys that matter are short; a longer one is passed over with its value. */
const MAX_KEY_BYTES = 256;
/** Honest headers have a handful; each costs time, whatever it says. */
const MAX_RECORDS = 65_536;
const WINDOW_BYTES = 64 * 1024;
const SPARSE_NAME = 'GNU.sparse.name';

/**
 * Reads the records `<length> <key>=<value>\n` of a PAX header of `size` bytes. Only what is needed is kept, so memory does not
 * grow with the header: attributes of 4 MB are met in the field. Values of more than `maxValueBytes` that are needed are a
 * fault. Undefined when the tar ends within the header.
 */
export async function readPax(
  bytes: TarBytes,
  size: number,
  maxValueBytes: number,
): Promise<PaxFacts | PaxFault | undefined> {
  const body = bodyOf(bytes, size);
  const sparse = gatherSparse();
  let facts: PaxFacts = {};
  let sparseName: Uint8Array | undefined;
  for (let records = 0; body.left() > 0; records += 1) {
    if (records >= MAX_RECORDS) return { fault: `an extended header of more than ${MAX_RECORDS} records` };
    const record = await readRecord(body, maxValueBytes);
    if (body.endsEarly()) return undefined;
    if ('fault' in record) return record;
    if (record.key === SPARSE_NAME) sparseName = record.value;
    if (isSparseKey(record.key)) sparse.add(record.key, record.value);
    const more = withRecord(facts, record);
    if (more === undefined) return { fault: NO_LIST };
    facts = more;
  }
  const found = sparse.all();
  return {
    ...facts,
    ...(found === undefined ? {} : { sparse: found }),
    // GNU tar puts a made-up path beside it for readers that do not know sparse members
    ...(sparseName === undefined ? {} : { path: sparseName }),
  };
}

interface PaxRecord {
  readonly key: string;
  /** Undefined for keys that are not needed, and for a map of sparse parts that is too long to be one. */
  readonly value: Uint8Array | undefined;
}

async function readRecord(body: PaxBody, maxValueBytes: number): Promise<PaxRecord | PaxFault> {
  const start = await body.peek(MAX_NUMBER_BYTES + 1);
  const space = start.findIndex((byte, at) => byte === SPACE && start[at - 1] !== SPACE && at > 0);
  const length = space === -1 ? undefined : decimal(start.subarray(0, space));
  if (length === undefined || length > body.left() || length < space + 3) return { fault: NO_LIST };

  const head = await body.peek(Math.min(length, space + 1 + MAX_KEY_BYTES));
  const equals = head.indexOf(EQUALS, space);
  if (equals === -1 && head.length === length) return { fault: NO_LIST };
  const key = equals === -1 ? '' : Buffer.from(head.subarray(space + 1, equals)).toString('latin1');
  const valueBytes = length - equals - 2;
  if (isEssential(key) && valueBytes > maxValueBytes)
    return { fault: `a ${key} of ${valueBytes} bytes, at most ${maxValueBytes} were expected` };
  const value = await readValue(body, key, equals + 1, valueBytes);
  const [end] = await body.take(1);
  return end === NEWLINE ? { key, value } : { fault: NO_LIST };
}

async function readValue(
  body: PaxBody,
  key: string,
  headBytes: number,
  valueBytes: number,
): Promise<Uint8Array | undefined> {
  const isKept = isEssential(key) || (isSparseKey(key) && valueBytes <= MAX_MAP_BYTES);
  await body.skip(headBytes + (isKept ? 0 : valueBytes));
  return isKept ? body.take(valueBytes) : undefined;
}

/** What must not be passed over, however long it is. */
function isEssential(key: string): boolean {
  return key === 'path' || key === 'linkpath' || key === 'size' || key === SPARSE_NAME;
}

function withRecord(facts: PaxFacts, { key, value }: PaxRecord): PaxFacts | undefined {
  if (value === undefined) return facts;
  if (key === 'path') return { ...facts, path: value.length === 0 ? null : value };
  if (key === 'linkpath') return { ...facts, linkPath: value.length === 0 ? null : value };
  if (key !== 'size') return facts;
  if (value.length === 0) return { ...facts, size: null };
  const size = decimal(value);
  return size === undefined || size > MAX_MEMBER_BYTES ? undefined : { ...facts, size };
}

/** The body of one header, of which a window is in memory. */
interface PaxBody {
  /** Bytes that were neither taken nor skipped. */
  left(): number;
  /** Whether the tar ended before the header did; what was peeked or taken then is too short. */
  endsEarly(): boolean;
  /** The next bytes, at most so many, without taking them. */
  peek(bytes: number): Promise<Uint8Array>;
  take(bytes: number): Promise<Uint8Array>;
  skip(bytes: number): Promise<void>;
}

function bodyOf(bytes: TarBytes, size: number): PaxBody {
  let window: Uint8Array = new Uint8Array(0);
  let unread = size;
  let cut = false;
  const peek = async (wanted: number): Promise<Uint8Array> => {
    while (window.length < wanted && unread > 0) {
      const part = await bytes.read(Math.min(unread, WINDOW_BYTES));
      cut ||= part === undefined;
      if (part === undefined) break;
      unread -= part.length;
      window = Buffer.concat([window, part]); // a copy: `part` is good until the next is read
    }
    return window.subarray(0, wanted);
  };
  const skip = async (count: number): Promise<void> => {
    const inWindow = Math.min(count, window.length);
    window = window.subarray(inWindow);
    const skipped = await bytes.skip(count - inWindow);
    unread -= skipped;
    cut ||= skipped < count - inWindow;
  };
  return {
    left: () => window.length + unread,
    endsEarly: () => cut,
    peek,
    take: async (count) => {
      const taken = await peek(count);
      window = window.subarray(taken.length);
      return taken;
    },
    skip,
  };
}
