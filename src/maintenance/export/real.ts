const LARGEST_STEP = 62;
/** Whole numbers below it are read digit by digit into 64 bits, and rounded once. */
const READ_AS_WHOLE = 1e18;
const MOST_EXACT_POWER_OF_TEN = 22;

/**
 * A real as SQL that every SQLite reads back bit by bit. SQLite before 3.43 does not round decimals correctly: 3.40 reads
 * 503.86404134 as its neighbour. Where the shortest decimal is not beyond doubt, the number is written as what it is, a whole
 * number divided or multiplied by powers of two, which no arithmetic rounds.
 */
export function realLiteral(value: number): string {
  if (value === Infinity) return '9e999';
  if (value === -Infinity) return '-9e999';
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isInteger(value) && Math.abs(value) < READ_AS_WHOLE) return `${value}.0`;
  return isReadExactly(Math.abs(value)) ? String(value) : asPowersOfTwo(value);
}

/**
 * Whether the shortest decimal of `value` (> 0, not whole) is read exactly by one division, be it done in 53 bits or in the 64
 * bits of x87 and then rounded to 53: both numbers are exact, and the quotient lies clear of the middle of two reals.
 */
function isReadExactly(value: number): boolean {
  const { digits, power } = shortestDecimal(value);
  if (digits > Number.MAX_SAFE_INTEGER || power < 1 || power > MOST_EXACT_POWER_OF_TEN) return false;
  const { mantissa, exponent } = partsOf(value);
  if (exponent > 0) return false;
  const divisor = 10n ** BigInt(power);
  const distance = (BigInt(digits) << BigInt(-exponent)) - mantissa * divisor;
  const size = distance < 0n ? -distance : distance;
  // half the step to the next real, less what 64 bits round; below a power of two the steps are half as wide
  const half = mantissa === 1n << 52n ? 255n : 511n;
  return size * 1024n < half * divisor;
}

/** `digits / 10 ** power` is the shortest decimal that means `value`. */
function shortestDecimal(value: number): { digits: number; power: number } {
  const [decimal = '', exponent = ''] = value.toExponential().split('e');
  const [whole = '', fraction = ''] = decimal.split('.');
  return { digits: Number(whole + fraction), power: fraction.length - Number(exponent) };
}

/** `mantissa * 2 ** exponent` is `value`. */
function partsOf(value: number): { mantissa: bigint; exponent: number } {
  const bits = new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n;
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

function asPowersOfTwo(value: number): string {
  let { mantissa, exponent } = partsOf(Math.abs(value));
  for (; mantissa % 2n === 0n; exponent += 1) mantissa /= 2n;
  const sign = value < 0 ? '-' : '';
  const operator = exponent < 0 ? '/' : '*';
  let steps = '';
  for (let left = Math.abs(exponent); left > 0; left -= LARGEST_STEP) {
    steps += `${operator}${1n << BigInt(Math.min(left, LARGEST_STEP))}.0`;
  }
  return `${sign}${mantissa}${steps}`;
}
