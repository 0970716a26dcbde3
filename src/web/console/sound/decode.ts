import { fromALaw, fromMuLaw, g711Table } from './g711.ts';
import { GSM_BLOCK_BYTES, GSM_BLOCK_SAMPLES, gsmDecoder } from './gsm.ts';
import { pcmWav, readWav, type Wav } from './wav.ts';

// What a browser cannot play, made into PCM that it can.

/** How many bytes of PCM come of one that is coded, by what a WAV's header calls its codec. */
const GROWTH: Readonly<Record<string, number>> = {
  alaw: 2,
  ulaw: 2,
  gsm610: (GSM_BLOCK_SAMPLES * 2) / GSM_BLOCK_BYTES,
};

/** More of it would take the browser's memory. */
const MOST_PCM_BYTES = 512 * 1024 * 1024;

/** True for what a browser plays as it is. */
export function isPcm(codec: string | undefined): boolean {
  return codec !== undefined && codec.startsWith('pcm');
}

/** True for a recording of that codec and size (bytes) that {@link decoded} takes. */
export function isDecodable(codec: string | undefined, bytes: number): boolean {
  const growth = GROWTH[codec ?? ''];
  return growth !== undefined && bytes * growth <= MOST_PCM_BYTES;
}

const A_LAW = 6;
const MU_LAW = 7;
const GSM_610 = 0x31;

/**
 * A WAV of G.711 or GSM 6.10 as one of PCM. `rest` is awaited again and again in between, so that a page goes on while an hour is
 * decoded. Throws for what is no such WAV; a block that was cut off at the end is left out.
 */
export async function decoded(
  file: Uint8Array,
  rest: () => Promise<void> = () => Promise.resolve(),
): Promise<Uint8Array<ArrayBuffer>> {
  const wav = readWav(file);
  const samples = await samplesOf(wav, rest);
  return pcmWav({ channels: wav.channels, rate: wav.rate, samples });
}

function samplesOf(wav: Wav, rest: () => Promise<void>): Int16Array | Promise<Int16Array> {
  if (wav.tag === A_LAW || wav.tag === MU_LAW) {
    const table = g711Table(wav.tag === A_LAW ? fromALaw : fromMuLaw);
    return Int16Array.from(wav.coded, (byte) => table[byte] ?? 0);
  }
  if (wav.tag === GSM_610 && wav.channels === 1) return ofGsm(wav, rest);
  throw new Error(`Codec ${wav.tag} with ${wav.channels} channels is neither G.711 nor GSM 6.10.`);
}

/** So many take some 20 ms. */
const BLOCKS_AT_ONCE = 200;

async function ofGsm({ coded, samples: said }: Wav, rest: () => Promise<void>): Promise<Int16Array> {
  const blocks = Math.floor(coded.length / GSM_BLOCK_BYTES);
  const samples = new Int16Array(blocks * GSM_BLOCK_SAMPLES);
  const decode = gsmDecoder();
  for (let block = 0; block < blocks; block += 1) {
    if (block > 0 && block % BLOCKS_AT_ONCE === 0) await rest();
    decode(
      coded.subarray(block * GSM_BLOCK_BYTES, (block + 1) * GSM_BLOCK_BYTES),
      samples.subarray(block * GSM_BLOCK_SAMPLES, (block + 1) * GSM_BLOCK_SAMPLES),
    );
  }
  return samples.subarray(0, Math.min(samples.length, said ?? samples.length));
}
