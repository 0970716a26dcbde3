import { fromMuLaw } from '../../src/web/console/sound/g711.ts';
import { chunk, formatBytes } from '../../test/support/wavs.ts';

// A call that one can hear: eight digits are dialled, it rings twice, and a tune is on hold. µ-law, as a phone system records.

const RATE = 8000;
const MU_LAW = 7;

/** The two tones of each row and column of a telephone's keys, in Hz. */
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];
const KEYS = '123456789*0#';
const DIALLED = ['0', '8', '0', '0', '2', '5', '3', '6'];
/** Ode to Joy: steps of the scale, two of them long. */
const TUNE = [3, 3, 4, 5, 5, 4, 3, 2, 1, 1, 2, 3, 3, 2, 2];
const SCALE = [0, 261.6, 293.7, 329.6, 349.2, 392];

/** The call as a WAV. */
export function audibleCall(): Buffer {
  const samples = [
    ...DIALLED.flatMap((key) => [...keyTones(key), ...silence(0.08)]),
    ...silence(0.6),
    ...[1, 2].flatMap(() => [...tone([425], 1), ...silence(1)]),
    ...TUNE.flatMap((step, at) => [
      ...tone([SCALE[step] ?? 0], at >= TUNE.length - 3 ? 0.55 : 0.35, true),
      ...silence(0.03),
    ]),
  ];
  const data = Buffer.from(samples.map(muLaw()));
  const format = formatBytes(MU_LAW, 1, RATE, RATE, 1, 8);
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), chunk('data', data)]));
}

function keyTones(key: string): readonly number[] {
  const at = KEYS.indexOf(key);
  return tone([ROWS[Math.floor(at / 3)] ?? 0, COLUMNS[at % 3] ?? 0], 0.12);
}

/** So many seconds of these tones together, in [-1, 1]; a plucked one dies away. */
function tone(hertz: readonly number[], seconds: number, isPlucked = false): readonly number[] {
  return Array.from({ length: Math.round(seconds * RATE) }, (_, index) => {
    const time = index / RATE;
    const sum = hertz.reduce((all, one) => all + Math.sin(2 * Math.PI * one * time), 0) / hertz.length;
    return sum * 0.5 * (isPlucked ? Math.exp(-4 * time) : 1);
  });
}

function silence(seconds: number): readonly number[] {
  return Array.from({ length: Math.round(seconds * RATE) }, () => 0);
}

/** The byte whose sample is nearest. */
function muLaw(): (sample: number) => number {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const nearest = new Map<number, number>();
  return (sample) => {
    const wanted = Math.round(sample * 32_767);
    const known = nearest.get(wanted);
    if (known !== undefined) return known;
    const found = bytes.reduce((best, byte) =>
      Math.abs(fromMuLaw(byte) - wanted) < Math.abs(fromMuLaw(best) - wanted) ? byte : best,
    );
    nearest.set(wanted, found);
    return found;
  };
}
