/**
 * A part of the ledger as SQLite answers it: at once, or when a commit is on disk. The promises are made of it in one place,
 * see `guardFaults`.
 */
export type Plain<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R
    ? (
        ...args: A
      ) => R extends Promise<infer V> ? V | R | Plain<V> : R extends AsyncIterable<infer V> ? Iterable<V> : R
    : T[K];
};
