import { expect, test } from 'vitest';
import { WavspoolError } from '../../../src/domain/faults.ts';
import { NOTHING_TO_AUDIT } from '../../../src/operate/audit/index.ts';
import { systemClock } from '../../../src/platform/runtime/index.ts';
import { createAuditDesk, type AuditHeard } from '../../../src/web/audit-desk.ts';

const WHO = { by: 'console', from: '192.0.2.1' };

interface Under {
  readonly heard: AuditHeard;
  readonly signal: AbortSignal;
  done(): void;
  failed(error: Error): void;
}

/** A desk whose audit goes as the test says. */
function desk() {
  const begun: Under[] = [];
  const reported: string[] = [];
  const made = createAuditDesk({
    clock: systemClock,
    report: (event, fields) => void reported.push(`${event} ${JSON.stringify(fields)}`),
    run: (_words, heard, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped')));
        begun.push({
          heard,
          signal,
          done: () => resolve({ ...NOTHING_TO_AUDIT, checked: 7 }),
          failed: reject,
        });
      }),
  });
  return { ...made, begun, reported };
}

test('one audit runs at a time: the same is joined, another refused', async () => {
  const made = desk();
  const words = { deep: true };
  expect(made.begin(words, WHO).state).toBe('running');
  expect(made.begin({ deep: true }, WHO).state).toBe('running');
  expect(made.begun).toHaveLength(1);
  expect(() => made.begin({}, WHO)).toThrow(WavspoolError);
  made.begun[0]?.done();
  expect(await made.over()).toMatchObject({ state: 'done', checked: 7 });
  expect(made.reported).toEqual([expect.stringMatching(/^audit finished .*"by":"console".*"checked":7/)]);
  expect(made.begin({}, WHO).state).toBe('running');
});

test('progress and findings are told while it runs', () => {
  const made = desk();
  made.begin({}, WHO);
  made.begun[0]?.heard.progress(3, 10);
  made.begun[0]?.heard.finding({ sign: '-', key: 'a.wav', reason: 'is not in the bucket' });
  expect(made.present()).toMatchObject({ checked: 3, rows: 10, found: 1, findings: [{ key: 'a.wav' }] });
});

test('of very many findings the first are kept and all are counted', () => {
  const made = desk();
  made.begin({}, WHO);
  for (let at = 0; at < 10_005; at += 1)
    made.begun[0]?.heard.finding({ sign: '-', key: `${at}.wav`, reason: 'is not in the bucket' });
  expect(made.present()?.found).toBe(10_005);
  expect(made.present()?.findings).toHaveLength(10_000);
});

test('one that is stopped says how far it was; one that fails says why, and to who waits for it', async () => {
  const made = desk();
  made.begin({}, WHO);
  made.begun[0]?.heard.progress(3, 10);
  expect(await made.stop()).toMatchObject({ state: 'stopped', checked: 3, summary: null });
  made.begin({}, WHO);
  const waits = made.over();
  made.begun[1]?.failed(new WavspoolError('STORE_UNREACHABLE', 'the store is away'));
  await expect(waits).rejects.toThrow('the store is away');
  expect(made.present()).toMatchObject({ state: 'failed', error: 'the store is away' });
  expect(made.reported.map((line) => line.split(' {')[0])).toEqual(['audit stopped', 'audit failed']);
});
