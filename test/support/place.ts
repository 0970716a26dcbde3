/** Where a server of the tests runs. */
export interface Place {
  /** The IP address that it serves at. */
  readonly address: string;
  /** What its command line begins with, to get there; it ends in the program's own process, so that a signal reaches that. */
  readonly enter: readonly string[];
}

export const LOOPBACK: Place = { address: '127.0.0.1', enter: [] };

/** A command line for there: its program, and that program's arguments. */
export function commandAt(
  { enter }: Place,
  program: string,
  ...args: readonly string[]
): [program: string, args: readonly string[]] {
  const [first = program, ...rest] = [...enter, program, ...args];
  return [first, rest];
}
