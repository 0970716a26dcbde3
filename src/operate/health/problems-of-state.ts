import { FAULTS, type FaultCode } from '../../domain/faults.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Facts } from './facts.ts';
import type { Problem } from './types.ts';

/** What is wrong with `state.db`, told once, wherever it was met: by this look, the last look through the whole file, or a role. */
export function problemsOfState({ state, roles }: Facts): readonly Problem[] {
  const { path, fault, check } = state;
  const told = [
    ...(fault === null ? [] : [{ ...fault, since: null }]),
    ...(check?.faults ?? []).map((line) => ({
      code: 'STATE_DAMAGED' as const,
      message: `${path} is damaged: ${line}`,
      since: check?.at ?? null,
    })),
    ...roles.flatMap(({ stateTrouble }) =>
      stateTrouble === undefined ? [] : [{ ...stateTrouble, since: isoTime(stateTrouble.since) }],
    ),
  ];
  const damage = told.find(({ code }) => code === 'STATE_DAMAGED');
  if (damage !== undefined) return [damaged(damage.message, damage.since)];
  const [first] = told;
  // this look does not know since when; a role that has met it before does
  const [since = null] = told.flatMap((one) => one.since ?? []).toSorted();
  return first === undefined ? [] : [unusable(first.code, first.message, since)];
}

function damaged(message: string, since: string | null): Problem {
  return {
    id: 'state-damaged',
    since,
    what: `${message}.`,
    effect:
      'What lies on the damaged pages is not known, and what needs them waits; nothing in the bucket is touched.',
    remedy: `${capital(FAULTS.STATE_DAMAGED.remedy)}.`,
    command: 'wavspool restore state',
  };
}

function unusable(code: FaultCode, message: string, since: string | null): Problem {
  return {
    id: 'state-unusable',
    since,
    what: code === 'LEDGER_AWAY' ? `${capital(message)}.` : `State.db cannot be used: ${message}.`,
    effect:
      'Nothing can be written down, so tars and recordings wait; nothing is lost and no retry is spent.',
    remedy: `${capital(FAULTS[code].remedy)}.`,
    command: 'wavspool doctor',
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
