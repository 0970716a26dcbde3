// node:zlib ends a zstd stream in peace when anything but a frame follows one, even the first bytes of a frame that was cut.
// So the frames are followed here: their lengths stand in their headers, nothing needs to be decompressed (RFC 8878, 3.1).

/** Where a zstd file stands after the bytes pushed so far. */
export type FrameState = 'between frames' | 'in a frame' | 'padding' | 'garbage';

interface FrameTracker {
  readonly push: (chunk: Uint8Array) => void;
  readonly state: () => FrameState;
}

type Step = 'magic' | 'descriptor' | 'header' | 'block' | 'body' | 'skippable' | 'zeros' | 'garbage';

/** Follows the frames of a zstd file through its chunks, in constant memory; zeros may follow the last frame. Never throws. */
export function trackFrames(): FrameTracker {
  let step: Step = 'magic';
  let field = 0; // little-endian value of the field that is being read
  let have = 0; // its bytes so far
  let need = 4;
  let frames = 0;
  let checksum = false;
  let afterBody: 'block' | 'magic' = 'block';
  let singleSegment = false;

  const enter = (next: Step, bytes: number): void => {
    step = next;
    field = 0;
    have = 0;
    need = bytes;
    if (bytes === 0 && next === 'body') enterAfterBody();
  };
  const enterAfterBody = (): void => (afterBody === 'magic' ? endFrame() : enter('block', 3));
  const endFrame = (): void => {
    frames += 1;
    enter('magic', 4);
  };
  const onDescriptor = (descriptor: number): void => {
    singleSegment = (descriptor & 0x20) !== 0;
    checksum = (descriptor & 0x04) !== 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    const rest = (singleSegment ? 0 : 1) + dictionary + contentSize;
    enter(rest === 0 ? 'block' : 'header', rest === 0 ? 3 : rest);
  };
  const onBlock = (header: number): void => {
    const last = (header & 1) !== 0;
    const repeated = ((header >> 1) & 3) === 1; // one byte stands for the whole block
    afterBody = last ? 'magic' : 'block';
    enter('body', (repeated ? 1 : header >> 3) + (last && checksum ? 4 : 0));
  };
  const onMagic = (magic: number): void => {
    if (magic === 0xfd2fb528) enter('descriptor', 1);
    else if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) enter('skippable', 4);
    else enter(magic === 0 && frames > 0 ? 'zeros' : 'garbage', Number.POSITIVE_INFINITY);
  };
  const onField = (value: number): void => {
    if (step === 'magic') onMagic(value);
    else if (step === 'descriptor') onDescriptor(value);
    else if (step === 'header') enter('block', 3);
    else if (step === 'block') onBlock(value);
    else if (step === 'skippable') {
      afterBody = 'magic';
      enter('body', value);
    } else if (step === 'body') enterAfterBody();
  };
  const push = (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length;) {
      if (step === 'garbage') return;
      if (step === 'zeros') {
        if (chunk.subarray(at).some((byte) => byte !== 0)) step = 'garbage';
        return;
      }
      const jump = step === 'body' || step === 'header';
      const bytes = jump ? Math.min(need - have, chunk.length - at) : 1;
      if (!jump) field += (chunk[at] ?? 0) * 2 ** (8 * have);
      have += bytes;
      at += bytes;
      if (have === need) onField(field);
    }
  };
  const state = (): FrameState => {
    if (step === 'garbage') return 'garbage';
    if (step === 'zeros') return 'padding';
    if (step !== 'magic') return 'in a frame';
    if (have === 0) return 'between frames';
    return field === 0 && frames > 0 ? 'padding' : 'in a frame';
  };
  return { push, state };
}
