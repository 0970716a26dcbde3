import fc from 'fast-check';
import { expect, test } from 'vitest';
import { realLiteral } from '../../../../src/maintenance/export/real.ts';

test.each([
  [0, '0.0'],
  [-0, '-0.0'],
  [1, '1.0'],
  [-12.5, '-12.5'],
  [0.1, '0.1'],
  [1e17, '100000000000000000.0'],
  [Infinity, '9e999'],
  [-Infinity, '-9e999'],
  // sqlite3 3.40 reads these decimals as their neighbours
  [503.86404134, '8864069956344595/17592186044416.0'],
  [722.164828, '6352229004454841/8796093022208.0'],
  [2 ** 100, '1*4611686018427387904.0*274877906944.0'],
])('%d is written %s', (value, literal) => {
  expect(realLiteral(value)).toBe(literal);
});

/** What arithmetic that rounds correctly makes of a literal. */
function evaluate(literal: string): number {
  const sign = literal.startsWith('-') ? -1 : 1;
  const [first = '', ...steps] = literal.replace(/^-/, '').split(/(?=[*/])/);
  return steps.reduce(
    (value, step) => (step.startsWith('*') ? value * Number(step.slice(1)) : value / Number(step.slice(1))),
    sign * Number(first),
  );
}

test('every real comes back from its literal bit by bit, also the smallest and the largest', () => {
  const real = fc.oneof(
    fc.double({ noNaN: true }),
    fc
      .bigInt({ min: 0n, max: 2n ** 64n - 1n })
      .map((bits) => new Float64Array(new BigUint64Array([bits]).buffer)[0] ?? 0),
    fc.constantFrom(Number.MIN_VALUE, Number.MAX_VALUE, 2 ** -1022, 2 ** -1074 * 3, Number.EPSILON),
  );
  fc.assert(
    fc.property(real, (value) => {
      if (!Number.isNaN(value)) expect(evaluate(realLiteral(value))).toBe(value);
    }),
    { numRuns: 2000 },
  );
});

/** A decimal as SQLite 3.40 reads it where a long double has 64 bits: the quotient is rounded to 64 bits, then to 53. */
function readTwiceRounded(literal: string): number {
  const [whole = '', fraction = ''] = literal.split('.');
  const divisor = 10n ** BigInt(fraction.length);
  let [digits, shift] = [BigInt(whole + fraction), 0];
  while (digits / divisor < 1n << 63n) {
    digits <<= 1n;
    shift += 1;
  }
  const sixtyFour = (digits * 2n + divisor) / (divisor * 2n);
  return Number(sixtyFour) / 2 ** shift; // Number(…) rounds to 53 bits, halves to even
}

test('a decimal stands only where rounding it twice gives the real too', () => {
  const price = fc
    .tuple(fc.integer({ min: 0, max: 10 ** 9 }), fc.integer({ min: 1, max: 12 }))
    .map(([whole, digits]) => (whole + 0.123456789012) / 10 ** digits);
  fc.assert(
    fc.property(fc.oneof(price, fc.double({ min: 1e-5, max: 1e9, noNaN: true })), (value) => {
      const literal = realLiteral(value);
      if (/^\d+\.\d+$/.test(literal)) expect(readTwiceRounded(literal)).toBe(value);
    }),
    { numRuns: 5000 },
  );
});
