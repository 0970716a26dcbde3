/** What a holder has; disposing of it gives the weight back, once. */
export interface Held extends Disposable {
  readonly weight: number;
}

/** Bounds what is in use at once, by weight. */
export interface Semaphore {
  /**
   * Resolves when `weight` is free, first come, first served: a light request waits behind a heavy one, so nothing heavy
   * starves. A weight above the capacity counts as the whole capacity, so it runs alone instead of never. Rejects with
   * `signal.reason` when that aborts first.
   */
  acquire(weight: number, signal?: AbortSignal): Promise<Held>;
}

interface Waiter {
  readonly weight: number;
  readonly admit: () => void;
}

/** A semaphore over `capacity` units (of whatever the caller weighs: bytes, requests). */
export function createSemaphore(capacity: number): Semaphore {
  let free = capacity;
  let waiters: Waiter[] = [];

  const admitWaiting = (): void => {
    while (waiters[0] !== undefined && waiters[0].weight <= free) {
      const [first, ...rest] = waiters;
      waiters = rest;
      free -= first.weight;
      first.admit();
    }
  };

  const held = (weight: number): Held => {
    let given = false;
    return {
      weight,
      [Symbol.dispose]: () => {
        if (given) return;
        given = true;
        free += weight;
        admitWaiting();
      },
    };
  };

  return {
    acquire: (asked, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const weight = Math.min(asked, capacity);
        const giveUp = (): void => {
          waiters = waiters.filter((other) => other !== waiter);
          reject(signal?.reason);
          admitWaiting(); // it may have been the heavy one that the others waited behind
        };
        const waiter: Waiter = {
          weight,
          admit: () => {
            signal?.removeEventListener('abort', giveUp);
            resolve(held(weight));
          },
        };
        signal?.addEventListener('abort', giveUp, { once: true });
        waiters.push(waiter);
        admitWaiting();
      }),
  };
}
