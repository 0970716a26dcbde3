import { expect, test } from 'vitest';
import { CLOSED, afterFailure, afterSuccess, probeDelayMs } from '../../../src/upload/breaker.ts';

test('P7: a fault of the store opens the breaker at once', () => {
  expect(afterFailure(CLOSED, 'STORE_UNREACHABLE', '/a.wav').kind).toBe('open');
  expect(afterFailure(CLOSED, 'STORE_CREDENTIALS', '/a.wav').kind).toBe('open');
});

test('P7: errors of eight different recordings in a row open it; the same recording eight times does not', () => {
  const names = ['/1', '/2', '/3', '/4', '/5', '/6', '/7', '/8'];
  const states = names.reduce(
    (seen, name) => [...seen, afterFailure(seen.at(-1) ?? CLOSED, 'STORE_ERROR', name)],
    [CLOSED],
  );
  expect(states.map(({ kind }) => kind)).toEqual([...names.map(() => 'closed'), 'open']);
  expect(names.reduce((state) => afterFailure(state, 'STORE_ERROR', '/1'), CLOSED).kind).toBe('closed');
});

test('a success forgets the suspects', () => {
  const suspicious = afterFailure(CLOSED, 'CONNECTION_LOST', '/1');
  expect(suspicious.suspects.size).toBe(1);
  expect(afterSuccess()).toEqual(CLOSED);
});

test('what is wrong with one recording is not the store’s fault', () => {
  expect(afterFailure(CLOSED, 'RECORDING_CHANGED', '/1')).toEqual(CLOSED);
  expect(afterFailure(CLOSED, 'OBJECT_REJECTED', '/1')).toEqual(CLOSED);
});

test('probes come after 1 s, 2 s, 4 s … 60 s, with up to a quarter less', () => {
  expect([1, 2, 3, 6, 7, 99].map((probes) => probeDelayMs(probes, 1))).toEqual([
    1000, 2000, 4000, 32_000, 60_000, 60_000,
  ]);
  expect(probeDelayMs(1, 0)).toBe(750);
});
