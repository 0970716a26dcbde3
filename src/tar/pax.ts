import { MAX_MEMBER_BYTES } from './header.ts';

/** What a PAX extended header says about a member. `null`: an empty value, which takes back what a global header said. */
export interface PaxFacts {
  readonly path?: Uint8Array | null;
  readonly size?: number | null;
  readonly sparse?: true;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** Reads the records `<length> <key>=<value>\n` of a PAX header; undefined when they are not that. */
export function readPax(body: Uint8Array): PaxFacts | undefined {
  let facts: PaxFacts | undefined = {};
  let sparseName: Uint8Array | undefined;
  for (let at = 0; at < body.length;) {
    const record = readRecord(body, at);
    if (record === undefined) return undefined;
    at = record.end;
    if (record.key === 'GNU.sparse.name') sparseName = record.value;
    facts = withRecord(facts, record.key, record.value);
    if (facts === undefined) return undefined;
  }
  // GNU tar puts a made-up path beside it for readers that do not know sparse members
  return sparseName === undefined ? facts : { ...facts, path: sparseName };
}

interface PaxRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly end: number;
}

function readRecord(body: Uint8Array, start: number): PaxRecord | undefined {
  const space = body.indexOf(SPACE, start);
  if (space === -1 || space - start > 8) return undefined;
  const length = decimal(body.subarray(start, space));
  if (length === undefined) return undefined;
  const end = start + length;
  const equals = body.indexOf(EQUALS, space);
  if (equals === -1 || equals >= end || end > body.length || body[end - 1] !== NEWLINE) return undefined;
  const key = Buffer.from(body.subarray(space + 1, equals)).toString('latin1');
  return { key, value: body.subarray(equals + 1, end - 1), end };
}

function withRecord(facts: PaxFacts, key: string, value: Uint8Array): PaxFacts | undefined {
  if (key === 'path') return { ...facts, path: value.length === 0 ? null : value };
  if (key.startsWith('GNU.sparse.')) return { ...facts, sparse: true };
  if (key !== 'size') return facts;
  if (value.length === 0) return { ...facts, size: null };
  const size = decimal(value);
  return size === undefined || size > MAX_MEMBER_BYTES ? undefined : { ...facts, size };
}

function decimal(bytes: Uint8Array): number | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  return /^[0-9]{1,16}$/.test(text) ? Number(text) : undefined;
}
