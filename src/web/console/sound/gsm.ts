// GSM 6.10 full rate as telephone systems write it into WAVs (Microsoft's packing, two frames in 65 bytes), made into 16-bit PCM. After
// ETSI EN 300 961 (GSM 06.10), section 5.3, whose fixed-point arithmetic is exact: every decoder gives these very samples. The names of
// what a frame holds are the standard's.

/** Two frames. */
export const GSM_BLOCK_BYTES = 65;
export const GSM_BLOCK_SAMPLES = 320;

const FRAME_SAMPLES = 160;
const SUB_SAMPLES = 40;
const PULSES = 13;
/** The longest lag of the long-term predictor. */
const MOST_LAG = 120;

/** What a decoder remembers from frame to frame. */
interface Memory {
  /** The residual of the last 120 samples, then that of the sub-frame that is being made. */
  readonly residual: Int16Array;
  lag: number;
  /** The last frame's log area ratios. */
  readonly ratios: Int16Array;
  /** The lattice's state. */
  readonly lattice: Int16Array;
  deemphasis: number;
}

/** A decoder of blocks that follow each other. */
export type GsmDecoder = (block: Uint8Array, into: Int16Array) => void;

/** Decodes one block after the other, each of GSM_BLOCK_BYTES into GSM_BLOCK_SAMPLES. */
export function gsmDecoder(): GsmDecoder {
  const memory: Memory = {
    residual: new Int16Array(MOST_LAG + SUB_SAMPLES),
    lag: SUB_SAMPLES,
    ratios: new Int16Array(8),
    lattice: new Int16Array(9),
    deemphasis: 0,
  };
  return (block, into) => {
    const take = bitsOf(block);
    frame(take, memory, into.subarray(0, FRAME_SAMPLES));
    frame(take, memory, into.subarray(FRAME_SAMPLES, GSM_BLOCK_SAMPLES));
  };
}

/** The next so many bits of a block, the lowest first. */
type Take = (bits: number) => number;

function bitsOf(block: Uint8Array): Take {
  let at = 0;
  let held = 0;
  let count = 0;
  return (bits) => {
    while (count < bits) {
      held |= (block[at++] ?? 0) << count;
      count += 8;
    }
    const value = held & ((1 << bits) - 1);
    held >>= bits;
    count -= bits;
    return value;
  };
}

const LAR_BITS = [6, 6, 5, 5, 4, 4, 3, 3];
/** Table 4.1 with table 5.1: MIC, B and the inverse of A for each log area ratio. */
const LAR_MIC = [-32, -32, -16, -16, -8, -8, -4, -4];
const LAR_B = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
const LAR_INVERSE_A = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];
/** Table 4.3b: the gain of the long-term predictor. */
const GAINS = [3277, 11_469, 21_299, 32_767];
/** Table 4.6: the normalised inverse mantissa. */
const MANTISSAS = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

const residualOfFrame = new Int16Array(FRAME_SAMPLES);

function frame(take: Take, memory: Memory, into: Int16Array): void {
  const coded = LAR_BITS.map(take);
  for (let from = 0; from < FRAME_SAMPLES; from += SUB_SAMPLES) {
    longTerm(take, memory);
    residualOfFrame.set(memory.residual.subarray(MOST_LAG), from);
    memory.residual.copyWithin(0, SUB_SAMPLES);
  }
  shortTerm(coded, memory, into);
  deemphasise(memory, into);
}

/** 5.3.1 and 5.3.2: the pulses on their grid, and what the past adds to them. */
function longTerm(take: Take, memory: Memory): void {
  const { residual } = memory;
  const lag = take(7);
  const gain = GAINS[take(2)] ?? 0;
  const grid = take(2);
  const exponentAndMantissa = take(6);
  if (lag >= SUB_SAMPLES && lag <= MOST_LAG) memory.lag = lag; // another is an error of the line: the last one serves
  residual.fill(0, MOST_LAG);
  pulses(take, exponentAndMantissa, (pulse, value) => {
    residual[MOST_LAG + grid + 3 * pulse] = value;
  });
  for (let at = MOST_LAG; at < residual.length; at += 1)
    residual[at] = add(residual[at] ?? 0, times(gain, residual[at - memory.lag] ?? 0));
}

/** 5.2.15 and 5.2.16: the pulses as they were before they were quantised. */
function pulses(take: Take, coded: number, put: (pulse: number, value: number) => void): void {
  let exponent = coded > 15 ? (coded >> 3) - 1 : 0;
  let mantissa = coded - (exponent << 3);
  if (mantissa === 0) {
    exponent = -4;
    mantissa = 7;
  } else {
    while (mantissa <= 7) {
      mantissa = (mantissa << 1) | 1;
      exponent -= 1;
    }
    mantissa -= 8;
  }
  const factor = MANTISSAS[mantissa] ?? 0;
  const shift = 6 - exponent;
  const half = shift === 0 ? 0 : 1 << (shift - 1);
  for (let pulse = 0; pulse < PULSES; pulse += 1)
    put(pulse, add(times(factor, ((take(3) << 1) - 7) << 12), half) >> shift);
}

/** 5.2.8: log area ratios as they were before they were quantised. */
function ratioOf(coded: number, at: number): number {
  const moved = saturated((coded + (LAR_MIC[at] ?? 0)) << 10);
  const value = times(LAR_INVERSE_A[at] ?? 0, saturated(moved - ((LAR_B[at] ?? 0) << 1)));
  return add(value, value);
}

/** 5.2.9.1: over the first samples of a frame the filter goes from the last frame's to this one's. */
const STRETCHES: readonly (readonly [to: number, between: (last: number, next: number) => number])[] = [
  [13, (last, next) => add(add(last >> 2, next >> 2), last >> 1)],
  [27, (last, next) => add(last >> 1, next >> 1)],
  [40, (last, next) => add(add(last >> 2, next >> 2), next >> 1)],
  [FRAME_SAMPLES, (_last, next) => next],
];

/** 5.2.9 and 5.3.4: the lattice filter that stands for the speaker's throat. */
function shortTerm(coded: readonly number[], memory: Memory, into: Int16Array): void {
  const ratios = coded.map(ratioOf);
  let from = 0;
  for (const [to, between] of STRETCHES) {
    const reflections = ratios.map((next, at) => reflectionOf(between(memory.ratios[at] ?? 0, next)));
    for (; from < to; from += 1) into[from] = throughLattice(residualOfFrame[from] ?? 0, reflections, memory);
  }
  memory.ratios.set(ratios);
}

/** 5.2.9.2. */
function reflectionOf(ratio: number): number {
  const size = Math.min(32_767, Math.abs(ratio));
  const value = size < 11_059 ? size << 1 : size < 20_070 ? size + 11_059 : add(size >> 2, 26_112);
  return ratio < 0 ? -value : value;
}

function throughLattice(sample: number, reflections: readonly number[], { lattice }: Memory): number {
  let value = sample;
  for (let at = 7; at >= 0; at -= 1) {
    const reflection = reflections[at] ?? 0;
    const before = lattice[at] ?? 0;
    value = saturated(value - times(reflection, before));
    lattice[at + 1] = add(before, times(reflection, value));
  }
  lattice[0] = value;
  return value;
}

/** 5.3.5 to 5.3.7: de-emphasis, upscaling by two, and the 13 bits that count. */
function deemphasise(memory: Memory, samples: Int16Array): void {
  for (let at = 0; at < samples.length; at += 1) {
    memory.deemphasis = add(samples[at] ?? 0, times(memory.deemphasis, 28_180));
    samples[at] = add(memory.deemphasis, memory.deemphasis) & 0xfff8;
  }
}

function saturated(value: number): number {
  return value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
}

function add(one: number, other: number): number {
  return saturated(one + other);
}

/** The product of two fractions of 2^15, rounded. */
function times(one: number, other: number): number {
  return saturated((one * other + 16_384) >> 15);
}
