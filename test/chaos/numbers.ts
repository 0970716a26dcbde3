import { createHash } from 'node:crypto';
import { seededNumbers } from '../fuzz/mutate.ts';

/** A number from 0 on, below the one given. */
export type Numbers = (below: number) => number;

/** Numbers of a loop's own: what one draws does not depend on how quick the others are. */
export function numbersFor(seed: number, loop: string): Numbers {
  return seededNumbers(createHash('sha256').update(`${seed} ${loop}`).digest().readInt32LE());
}
