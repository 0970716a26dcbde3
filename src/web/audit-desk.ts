import type { Report } from '../domain/events.ts';
import { faultCode, FAULTS, messageOf, WavspoolError } from '../domain/faults.ts';
import type { AuditAsked, AuditedFinding, AuditSummary } from '../operate/audit/index.ts';
import { isoTime, type Clock } from '../platform/runtime/index.ts';

/** What is asked of an audit; without words every recording against the bucket, by what the store says of it. */
export type AuditWords = { readonly [K in keyof AuditAsked]?: AuditAsked[K] | undefined };

/** Hears of an audit while it runs. */
export interface AuditHeard {
  readonly progress: (checked: number, rows: number) => void;
  readonly finding: (finding: AuditedFinding) => void;
}

/** Runs an audit. Rejects with its fault, or the abort's reason. */
export type RunAudit = (words: AuditWords, heard: AuditHeard, signal: AbortSignal) => Promise<AuditSummary>;

/** Who asked: how it was proven, and from which address. */
export interface Asker {
  readonly by: string;
  readonly from: string;
}

/** An audit that was asked for, as far as it is. */
export interface AuditRun extends Asker {
  readonly words: AuditWords;
  /** ISO 8601, UTC; `endedAt` null while it runs. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  /** Recordings that were checked, of so many. */
  readonly checked: number;
  readonly rows: number;
  /** How many findings there are; of very many only the first are kept. */
  readonly found: number;
  readonly findings: readonly AuditedFinding[];
  readonly summary: AuditSummary | null;
  readonly error: string | null;
  readonly remedy: string | null;
}

/** The one audit that runs, or the last that did. */
export interface AuditDesk {
  /** Begins one, or joins the one that runs when it was asked the same. Throws ALREADY_RUNNING while another runs. */
  begin(words: AuditWords, asker: Asker): AuditRun;
  present(): AuditRun | undefined;
  /** Resolves when the one that runs is over. Rejects with its fault. */
  over(): Promise<AuditRun | undefined>;
  /** Ends the one that runs; resolves when it is over. */
  stop(): Promise<AuditRun | undefined>;
}

const MOST_FINDINGS = 10_000;

/** Keeps what is heard of audits. `run` is called once at a time. */
export function createAuditDesk(deps: {
  readonly run: RunAudit;
  readonly clock: Clock;
  readonly report: Report;
}): AuditDesk {
  const { clock } = deps;
  let present: AuditRun | undefined;
  let running: { readonly over: Promise<unknown>; readonly stop: AbortController } | undefined;
  const change = (changes: Partial<AuditRun>): void => {
    if (present !== undefined) present = { ...present, ...changes };
  };
  const follow = async (words: AuditWords, signal: AbortSignal): Promise<unknown> => {
    const findings: AuditedFinding[] = [];
    const since = clock.monotonicMs();
    const heard: AuditHeard = {
      progress: (checked, rows) => change({ checked, rows }),
      finding: (one) => {
        if (findings.length < MOST_FINDINGS) findings.push(one);
        change({ found: (present?.found ?? 0) + 1, findings });
      },
    };
    const ended = await outcome(deps.run(words, heard, signal), signal);
    const { fault, ...told } = ended;
    const checked = told.summary?.checked ?? present?.checked ?? 0;
    change({ ...told, checked, endedAt: isoTime(clock.now()) });
    if (present !== undefined) tell(deps.report, present, fault, Math.round(clock.monotonicMs() - since));
    running = undefined;
    return fault;
  };
  const over = async (): Promise<AuditRun | undefined> => {
    const fault = await running?.over;
    if (fault instanceof Error) throw fault;
    return present;
  };
  return {
    begin: (words, asker) => {
      if (running !== undefined && present !== undefined) {
        if (JSON.stringify(present.words) === JSON.stringify(words)) return present;
        throw new WavspoolError('ALREADY_RUNNING', `an audit has run since ${present.startedAt}`);
      }
      present = begun(words, asker, isoTime(clock.now()));
      const stop = new AbortController();
      running = { over: follow(words, stop.signal), stop };
      return present;
    },
    present: () => present,
    over,
    stop: async () => {
      running?.stop.abort();
      await running?.over;
      return present;
    },
  };
}

function begun(words: AuditWords, { by, from }: Asker, startedAt: string): AuditRun {
  return {
    words,
    by,
    from,
    startedAt,
    endedAt: null,
    state: 'running',
    checked: 0,
    rows: 0,
    found: 0,
    findings: [],
    summary: null,
    error: null,
    remedy: null,
  };
}

type Outcome = Pick<AuditRun, 'state' | 'summary' | 'error' | 'remedy'> & { readonly fault?: unknown };

async function outcome(run: Promise<AuditSummary>, signal: AbortSignal): Promise<Outcome> {
  try {
    return { state: 'done', summary: await run, error: null, remedy: null };
  } catch (fault) {
    if (signal.aborted) return { state: 'stopped', summary: null, error: null, remedy: null };
    const { remedy } = FAULTS[faultCode(fault)];
    return { state: 'failed', summary: null, error: messageOf(fault), remedy, fault };
  }
}

function tell(
  report: Report,
  { by, from, words, state, summary, checked, found }: AuditRun,
  err: unknown,
  ms: number,
): void {
  const who = { by, from, asked: JSON.stringify(words) };
  if (summary !== null) {
    const { ok, repaired } = summary;
    report('audit finished', { ...who, ok, checked: summary.checked, findings: found, repaired, ms });
  } else if (state === 'failed') report('audit failed', { ...who, err });
  else report('audit stopped', { ...who, checked });
}
