import { sealHeader } from '../support/tars.ts';

/** A number in [0, below), from a seed: the same seed gives the same run. Tommy Ettinger's mulberry32. */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const BLOCK = 512;
const INTERESTING = [
  '\0',
  '\xff',
  '\x80',
  '..',
  '/',
  '7777777',
  '-1',
  '5 x=1\n',
  'x',
  'g',
  'L',
  'K',
  'S',
  '.wav\0',
];

/** One to four changes of a tar, chosen by `number`; some seal a header again, so that they get past its checksum. */
export function mutate(tar: Buffer, other: Buffer, number: (below: number) => number): Buffer {
  let mutant: Buffer = Buffer.from(tar);
  for (let left = 1 + number(4); left > 0; left--) mutant = mutateOnce(mutant, other, number);
  return mutant;
}

function mutateOnce(tar: Buffer, other: Buffer, number: (below: number) => number): Buffer {
  if (tar.length === 0) return Buffer.from(other);
  const at = number(tar.length);
  const block = Math.floor(at / BLOCK) * BLOCK;
  switch (number(8)) {
    case 0: {
      tar[at] = (tar[at] ?? 0) ^ (1 << number(8));
      return tar;
    }
    case 1: {
      tar[at] = number(256);
      return tar;
    }
    case 2:
      return tar.subarray(0, at);
    case 3: // a block twice
      return Buffer.concat([tar.subarray(0, block), tar.subarray(block, block + BLOCK), tar.subarray(block)]);
    case 4: // a block less
      return Buffer.concat([tar.subarray(0, block), tar.subarray(block + BLOCK)]);
    case 5: // a part of another tar
      return Buffer.concat([
        tar.subarray(0, block),
        other.subarray(Math.floor(number(other.length + 1) / BLOCK) * BLOCK),
      ]);
    case 6: // zeros where something was
      return Buffer.concat([tar.subarray(0, block), Buffer.alloc(BLOCK), tar.subarray(block + BLOCK)]);
    default: {
      const word = INTERESTING[number(INTERESTING.length)] ?? '';
      tar.write(word, Math.min(block + number(BLOCK), tar.length), 'latin1');
      if (block + BLOCK <= tar.length) sealHeader(tar.subarray(block, block + BLOCK));
      return tar;
    }
  }
}
