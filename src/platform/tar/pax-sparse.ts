import { decimal } from './decimal.ts';
import type { StatedMap } from './sparse-map.ts';

/** What a PAX header says of a sparse member. */
export interface PaxSparse extends StatedMap {
  /** GNU tar's version 1.0: the map stands before the body, and `numbers` is empty. */
  readonly isMapInBody: boolean;
}

/** Sparse in a way that nothing here reads. */
export const UNKNOWN_SPARSE: PaxSparse = { size: undefined, numbers: [], isMapInBody: false };

/** A map of so many bytes has more parts than are read. */
export const MAX_MAP_BYTES = 1024 * 1024;

const GNU = 'GNU.sparse.';
const STAR_SIZE = 'SCHILY.realsize';
const STAR_TYPE = 'SCHILY.filetype';

export function isSparseKey(key: string): boolean {
  return key.startsWith(GNU) || key === STAR_SIZE || key === STAR_TYPE;
}

/** Gathers what the records of one header say. */
export interface SparseRecords {
  /** `value` is undefined for one that is too long to be kept. */
  add(key: string, value: Uint8Array | undefined): void;
  /** Undefined where the member is not sparse. */
  all(): PaxSparse | undefined;
}

export function gatherSparse(): SparseRecords {
  const numbers: (number | undefined)[] = [];
  const versions = new Map<string, number | undefined>();
  let size: number | undefined;
  let isSparse = false;
  let isKnown = true;
  /** Version 0.0 has two records for each part, in turns. */
  const addInTurn = (turn: number, value: number | undefined): void => {
    numbers.push(numbers.length % 2 === turn ? value : undefined);
  };
  const takes: Readonly<Record<string, (value: Uint8Array) => void>> = {
    'GNU.sparse.major': (value) => versions.set('major', decimal(value)),
    'GNU.sparse.minor': (value) => versions.set('minor', decimal(value)),
    'GNU.sparse.size': (value) => (size = decimal(value)),
    'GNU.sparse.realsize': (value) => (size = decimal(value)),
    'GNU.sparse.offset': (value) => addInTurn(0, decimal(value)),
    'GNU.sparse.numbytes': (value) => addInTurn(1, decimal(value)),
    'GNU.sparse.map': (value) => {
      for (const number of numbersOf(value)) numbers.push(number);
    },
    // star says how long the content is: where that is what is stored, nothing is left out
    [STAR_SIZE]: (value) => numbers.push(0, (size = decimal(value))),
  };
  return {
    add(key, value) {
      const isStarSparse = key === STAR_TYPE && (value === undefined || textOf(value) === 'sparse');
      if (key === STAR_TYPE && !isStarSparse) return;
      isSparse = true;
      isKnown &&= value !== undefined && !isStarSparse;
      if (value !== undefined) takes[key]?.(value);
    },
    all() {
      if (!isSparse) return undefined;
      const isMapInBody = versions.get('major') === 1 && versions.get('minor') === 0;
      const isOld = [...versions.values()].every((version) => version === 0);
      return isKnown && (isMapInBody || isOld) ? { size, numbers, isMapInBody } : UNKNOWN_SPARSE;
    },
  };
}

function numbersOf(map: Uint8Array): (number | undefined)[] {
  return map.length === 0
    ? []
    : textOf(map)
        .split(',')
        .map((number) => decimal(Buffer.from(number)));
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString('latin1');
}
