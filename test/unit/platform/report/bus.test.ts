import { expect, test } from 'vitest';
import { countEvents, createBus, type Reported } from '../../../../src/platform/report/index.ts';

test('every sink hears an event with its level and its time, as long as it is subscribed', () => {
  const { report, subscribe } = createBus(() => 1000);
  const heard: Reported[][] = [[], []];
  const [first, second] = heard.map((list) => subscribe((reported) => void list.push(reported)));
  report('store back', { awayMs: 5 });
  first?.();
  report('redis back', { awayMs: 7 });
  second?.();
  report('redis back', { awayMs: 9 });
  const back = { event: 'store back', fields: { awayMs: 5 }, level: 'info', at: 1000 };
  expect(heard).toEqual([[back], [back, { ...back, event: 'redis back', fields: { awayMs: 7 } }]]);
});

test('a sink that throws harms neither the others nor who reports, and is told of', () => {
  const { report, subscribe } = createBus(() => 0);
  const heard: string[] = [];
  const err = new Error('full');
  subscribe(() => {
    throw err;
  });
  subscribe(({ event, fields }) => void heard.push(`${event} ${'err' in fields && fields.err === err}`));
  report('store back', { awayMs: 5 });
  expect(heard.toSorted()).toEqual(['sink failed true', 'store back false']);
});

test('sinks that all throw end in silence, not in a loop', () => {
  const { report, subscribe } = createBus(() => 0);
  let calls = 0;
  const fail = (): never => {
    calls += 1;
    throw new Error('full');
  };
  for (let at = 0; at < 3; at += 1) subscribe(fail);
  report('store back', { awayMs: 5 });
  expect(calls).toBeLessThan(20);
});

test('events are counted by their names', () => {
  const { report, subscribe } = createBus(() => 0);
  const { sink, counts } = countEvents();
  subscribe(sink);
  report('store back', { awayMs: 5 });
  report('store back', { awayMs: 5 });
  report('redis back', { awayMs: 5 });
  expect(counts()).toEqual({ 'store back': 2, 'redis back': 1 });
});
