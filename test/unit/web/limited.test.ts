import { expect, test } from 'vitest';
import { WavspoolError } from '../../../src/domain/faults.ts';
import { systemClock, type Clock } from '../../../src/platform/runtime/index.ts';
import { limited } from '../../../src/web/limited.ts';

const silent = (): WavspoolError => new WavspoolError('LEDGER_AWAY', 'it does not answer');
const impatient: Clock = { ...systemClock, sleep: () => Promise.resolve() };
const patient: Clock = { ...systemClock, sleep: () => new Promise(() => undefined) };

test('what is not answered in time is told as silent, and is not asked again while the answer is out', async () => {
  const answer = Promise.withResolvers<number>();
  let asked = 0;
  const ask = limited(impatient, 2000, silent, () => {
    asked += 1;
    return asked === 1 ? answer.promise : Promise.resolve(2);
  });
  await expect(ask()).rejects.toThrow('it does not answer');
  await expect(ask()).rejects.toThrow('it does not answer');
  expect(asked).toBe(1);
  answer.resolve(1);
  await answer.promise;
  await new Promise(setImmediate);
  await ask().catch(() => undefined); // the impatient clock may be quicker again
  expect(asked).toBe(2);
});

test('an answer and a failure are handed on, to all who asked meanwhile', async () => {
  let asked = 0;
  const ask = limited(patient, 2000, silent, (about: string) => {
    asked += 1;
    return about === 'bad' ? Promise.reject(new Error('no such row')) : Promise.resolve(about);
  });
  expect(await Promise.all([ask('a'), ask('b')])).toEqual(['a', 'a']);
  await expect(ask('bad')).rejects.toThrow('no such row');
  expect(await ask('c')).toBe('c');
  expect(asked).toBe(3);
});
