import type { ByteRange } from '../platform/s3/index.ts';

/**
 * The range that a `Range` header asks for of so many bytes; undefined for the whole: without the header, for several ranges, and for
 * what is none, as RFC 9110 has it.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^\s*bytes=(\d*)-(\d*)\s*$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return suffixOf(Math.min(Number(last), size), size);
  const from = Number(first);
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < from) return undefined;
  return from >= size ? 'unsatisfiable' : { first: from, last: to };
}

function suffixOf(bytes: number, size: number): ByteRange | 'unsatisfiable' {
  return bytes === 0 ? 'unsatisfiable' : { first: size - bytes, last: size - 1 };
}
