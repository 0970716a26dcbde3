/** Memory for bodies that is used again instead of freed: what is freed stays until the next collection, five times as much. */
export interface BodyPool {
  /** At least `bytes` bytes, with whatever was in them before. */
  take(bytes: number): Buffer;
  /** Only for memory that is not read any more: not after a request that failed, which may still be sending it. */
  giveBack(memory: Buffer): void;
}

/** Sizes are rounded up to this, so that recordings of about the same length find each other's memory. */
const GRAIN_BYTES = 64 * 1024;
/** Memory this much larger than what is asked for is kept for something longer. */
const WASTEFUL = 4;

/** A pool that keeps at most `capacity` bytes for later. */
export function createBodyPool(capacity: number): BodyPool {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  return {
    take: (bytes) => {
      const fits = ({ length }: Buffer): boolean =>
        length >= bytes && length <= bytes * WASTEFUL + GRAIN_BYTES;
      const [found] = kept.splice(kept.findIndex(fits) >>> 0, 1);
      if (found === undefined) return Buffer.allocUnsafeSlow(Math.ceil(bytes / GRAIN_BYTES) * GRAIN_BYTES);
      keptBytes -= found.length;
      return found;
    },
    giveBack: (memory) => {
      if (keptBytes + memory.length > capacity) return;
      kept.push(memory);
      keptBytes += memory.length;
    },
  };
}
