import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mirrorNames } from '../../../../src/maintenance/mirror/names.ts';
import { nameSteps, type NameStep, type Names } from '../../../../src/maintenance/mirror/name-steps.ts';

const names = mirrorNames('UTC');
const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);
const made = (name: string, time: string, verified = true): Names['own'][number] => ({
  name,
  at: at(time),
  verified,
});

test('of two mirrors of a day the newest gets the plain date, and latest leads to a whole one all the while', () => {
  const own = [made('2026-11-20_174455', '17:44:55'), made('2026-11-20', '03:00:00')];
  expect(nameSteps({ own, taken: own.map(({ name }) => name), latest: '2026-11-20_174455' }, names)).toEqual([
    { kind: 'move', from: '2026-11-20', to: '2026-11-20_030000' },
    { kind: 'point', to: '2026-11-20_030000' },
    { kind: 'move', from: '2026-11-20_174455', to: '2026-11-20' },
    { kind: 'point', to: '2026-11-20' },
  ]);
});

test('a date that is not its own stays, and one that is free again is taken', () => {
  const own = [made('2026-11-20_174455', '17:44:55')];
  const taken = ['2026-11-20', '2026-11-20_174455'];
  expect(nameSteps({ own, taken, latest: '2026-11-20_174455' }, names)).toEqual([]);
  expect(nameSteps({ own, taken: taken.slice(1), latest: '2026-11-19' }, names)).toEqual([
    { kind: 'move', from: '2026-11-20_174455', to: '2026-11-20' },
  ]);
});

test('latest that a crash left behind goes on to the newest, and to none that is in doubt; one that leads elsewhere stays', () => {
  const own = [made('2026-11-20', '17:44:55'), made('2026-11-20_030000', '03:00:00')];
  const taken = own.map(({ name }) => name);
  expect(nameSteps({ own, taken, latest: '2026-11-20_030000' }, names)).toEqual([
    { kind: 'point', to: '2026-11-20' },
  ]);
  const doubtful = { name: '2026-11-21', at: Date.parse('2026-11-21T03:00:00Z'), verified: false };
  const withDoubtful = { own: [doubtful, ...own], taken: [doubtful.name, ...taken] };
  for (const latest of ['2026-11-20', '2026-11-21'])
    expect(nameSteps({ ...withDoubtful, latest }, names)).toEqual([]);
  for (const latest of ['2026-11-20', 'by-hand', undefined])
    expect(nameSteps({ own, taken, latest }, names)).toEqual([]);
});

/** What is in the directory after so many steps: the names of the mirrors by their time, and where `latest` leads. */
function after(steps: readonly NameStep[], before: Names): Names {
  return steps.reduce<Names>((now, step) => {
    if (step.kind === 'point') return { ...now, latest: step.to };
    expect(now.taken).toContain(step.from);
    expect(now.taken).not.toContain(step.to);
    return {
      ...now,
      taken: now.taken.map((name) => (name === step.from ? step.to : name)),
      own: now.own.map((one) => (one.name === step.from ? { ...one, name: step.to } : one)),
    };
  }, before);
}

test('wherever a crash stops it, latest leads to a whole mirror and the next run ends with the same names', () => {
  const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 1439 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(minutes, fc.nat(), (times, cut) => {
      // one run after the other, each settled, the last one stopped somewhere
      let state: Names = { own: [], taken: [], latest: undefined };
      for (const [run, minute] of times.toSorted((a, b) => a - b).entries()) {
        const moment = at('00:00:00') + minute * 60_000;
        const name = names.nameFor(moment, state.taken);
        const own = [{ name, at: moment, verified: true }, ...state.own];
        state = { own, taken: [...state.taken, name], latest: name };
        const steps = nameSteps(state, names);
        const isLast = run === times.length - 1;
        state = after(isLast ? steps.slice(0, cut % (steps.length + 1)) : steps, state);
        if (run > 0 || !isLast) expect(state.own.map(({ name }) => name)).toContain(state.latest);
      }
      state = after(nameSteps(state, names), state);
      expect(state.own.map(({ name }) => name).filter((name) => name.length === 10)).toEqual(['2026-11-20']);
      expect(state.own[0]?.name).toBe('2026-11-20');
      expect(state.latest).toBe('2026-11-20');
      expect(new Set(state.taken).size).toBe(times.length);
      expect(nameSteps(state, names)).toEqual([]);
    }),
  );
});
