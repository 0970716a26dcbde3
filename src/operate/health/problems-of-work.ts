import { isoTime, roundedSize } from '../../platform/runtime/index.ts';
import type { LandingReason } from '../../ingest/arrival/index.ts';
import type { Facts } from './facts.ts';
import { missingRole } from './stalls.ts';
import type { Problem } from './types.ts';

/** What keeps tars and recordings from going on and needs an operator; `now` is in ms since 1970. */
export function problemsOfWork(facts: Facts, now: number): readonly Problem[] {
  return [
    ...unattended(facts),
    ...missingRoles(facts),
    ...storeAway(facts),
    ...pauses(facts),
    ...holds(facts),
    ...backlog(facts),
    ...givenUp(facts),
    ...landing(facts, now),
  ];
}

/** What belongs to recordings on a host whose settings take none: no role looks after it. */
function unattended({ uses, disk, recordings }: Facts): Problem[] {
  if (uses.recordings) return [];
  const open = recordings === null ? 0 : recordings.PENDING + recordings.FAILED - recordings.givenUp;
  const left = [
    ...(disk.incoming ? [`there is a landing directory, ${disk.incoming.path}`] : []),
    ...(open > 0
      ? [`state.db holds ${counted(open, 'recording')} that ${open === 1 ? 'is' : 'are'} not in the bucket`]
      : []),
  ];
  if (left.length === 0) return [];
  return [
    {
      id: 'recordings-unattended',
      since: null,
      what: `These settings take no recordings, but ${left.join(', and ')}.`,
      effect: 'What lands is not taken, and nothing is uploaded.',
      remedy: 'Name paths.incoming in the settings, or remove the directory; then restart wavspool.',
      command: 'wavspool config show',
    },
  ];
}

/** Who is at work is not known while Redis is away, which is told by itself. */
function missingRoles({ needs, roles, redis }: Facts): Problem[] {
  if (redis?.available === false) return [];
  return needs.filter((role) => !roles.some((beat) => beat.role === role)).map(missingRole);
}

function storeAway({ store }: Facts): Problem[] {
  if (store === null || (store.available && store.reached !== false)) return [];
  const { cause, message, since = null, reached } = store;
  const told = message === undefined ? '' : `: ${message}`;
  return [
    reached === false
      ? {
          id: 'store-never-reached',
          since,
          what: `Storage has never answered${told}.`,
          effect: 'Recordings are not uploaded; they wait, and no retry is spent.',
          remedy: 'Check s3.endpoint, s3.bucket and the credentials.',
          command: 'wavspool doctor',
        }
      : {
          id: 'store-away',
          since,
          what: `Storage is unavailable (${cause ?? 'unknown'})${told}.`,
          effect: 'Recordings are not uploaded; they wait, and no retry is spent.',
          remedy: 'Mend what the message names; uploading then resumes automatically.',
          command: 'wavspool doctor',
        },
  ];
}

function pauses({ queues }: Facts): Problem[] {
  return (['extract', 'upload', 'maintenance'] as const).flatMap((kind) => {
    const { paused, reason, since = null, until } = queues[kind] ?? {};
    if (paused !== true) return [];
    return {
      id: `paused:${kind}`,
      since,
      what: `The ${kind} queue is paused: ${reason ?? 'no reason given'}.`,
      effect: `${kind === 'maintenance' ? 'No job begins' : 'Nothing is taken from it'} ${until == null ? 'until an operator resumes it' : `until ${until.slice(0, 16).replace('T', ' ')} UTC`}.`,
      remedy: 'Resume it when the reason is gone.',
      command: `wavspool resume ${kind}`,
    };
  });
}

const REMEDY_OF_HOLD: Readonly<Record<string, string>> = {
  disk: 'Free disk space or inodes, or lower extract.minFreeBytes; extraction then resumes automatically.',
  backlog: 'Uploading is too slow or paused: look at storage and upload.concurrency.',
};

/** What a role that cannot use the ledger waits for. */
const OF_LEDGER: ReadonlySet<string> = new Set(['state', 'host']);

/** What roles say of themselves; uploading that waits for the store is told once, by the store, and so is what waits for the ledger. */
function holds({ roles, store }: Facts): Problem[] {
  const told = new Map<string, Problem>();
  for (const { held, stateTrouble } of roles) {
    if (held === undefined || (held.what === 'upload' && store?.available === false)) continue;
    if (stateTrouble !== undefined && OF_LEDGER.has(held.cause)) continue;
    const id = `held:${held.what}:${held.cause}`;
    const since = isoTime(held.since);
    const earlier = told.get(id)?.since;
    told.set(id, {
      id,
      since: earlier != null && earlier < since ? earlier : since,
      what: `${capital(held.what)} waits: ${held.message}.`,
      effect: 'What has landed stays where it is, safe and unfinished; no retry is spent.',
      remedy: REMEDY_OF_HOLD[held.cause] ?? 'Mend what the message names; it then resumes automatically.',
      command: 'wavspool doctor',
    });
  }
  return [...told.values()];
}

/** Rows tell it as well as the role that waits: told once. */
function backlog({ recordings, limits: { maxBacklog }, roles }: Facts): Problem[] {
  if (recordings === null || roles.some(({ held }) => held?.cause === 'backlog')) return [];
  const { PENDING, pendingBytes } = recordings;
  if (PENDING <= maxBacklog.recordings && pendingBytes <= maxBacklog.bytes) return [];
  return [
    {
      id: 'held:extraction:backlog',
      since: null,
      what: `Extraction waits: ${counted(PENDING, 'recording')} (${roundedSize(pendingBytes)}) wait for their upload, more than extract.maxBacklog.`,
      effect: 'What has landed stays where it is, safe and unfinished; no retry is spent.',
      remedy: REMEDY_OF_HOLD['backlog'] ?? '',
      command: 'wavspool doctor',
    },
  ];
}

function givenUp({ recordings, tars, causes }: Facts): Problem[] {
  const problems: Problem[] = [];
  if (recordings !== null && recordings.givenUp > 0) {
    const isOne = recordings.givenUp === 1;
    problems.push({
      id: 'recordings-given-up',
      since: recordings.givenUpSince ?? null,
      what: `${counted(recordings.givenUp, 'recording')} failed and ${isOne ? 'is' : 'are'} not tried again${causeOf(causes)}.`,
      effect: `${isOne ? 'It is' : 'They are'} not in the bucket, and nothing more happens by itself.`,
      remedy: `See why, mend it, then re-queue ${isOne ? 'it' : 'them'}.`,
      command: 'wavspool failed --by-cause',
    });
  }
  if (tars !== null && tars.givenUp > 0) {
    const isOne = tars.givenUp === 1;
    problems.push({
      id: 'tars-given-up',
      since: tars.givenUpSince ?? null,
      what: `${counted(tars.givenUp, 'tar')} could not be extracted.`,
      effect: `${isOne ? 'Its' : 'Their'} recordings are not in the bucket.`,
      remedy: isOne
        ? 'Send it again, or see why and re-queue it.'
        : 'Send them again, or see why and re-queue them.',
      command: 'wavspool failed',
    });
  }
  return problems;
}

function causeOf(causes: Facts['causes']): string {
  const [first, ...others] = causes;
  if (first === undefined) return '';
  return others.length === 0 ? ` (cause: ${first.cause})` : ` (most often: ${first.cause})`;
}

/** Of one, and of several. */
const WHAT_OF_LANDING: Readonly<Record<LandingReason, readonly [one: string, several: string]>> = {
  waiting: ['has landed and is not taken', 'have landed and are not taken'],
  incomplete: ['is incomplete and does not grow', 'are incomplete and do not grow'],
  'no marker': ['has no done marker', 'have no done marker'],
  unreadable: ['cannot be read', 'cannot be read'],
  'name not UTF-8': ['has a name that is not UTF-8', 'have a name that is not UTF-8'],
  'no pattern': ['matches no pattern of arrival.patterns', 'match no pattern of arrival.patterns'],
};
const REMEDY_OF_LANDING: Readonly<Record<LandingReason, string>> = {
  waiting:
    'Send again, rename or remove what has a temporary name or lies in a directory that hides; for all others see whether the watch role runs.',
  incomplete: 'Send them again.',
  'no marker': 'Let the sender write the marker, or correct arrival.doneMarker.',
  unreadable:
    'Correct the owner or the mode of these files and directories; where a link or a pipe is, put the file itself.',
  'name not UTF-8': 'Rename them.',
  'no pattern': 'Rename them, extend arrival.patterns, or remove what does not belong there.',
};

function landing({ landing = {} }: Facts, now: number): Problem[] {
  return (Object.keys(WHAT_OF_LANDING) as LandingReason[]).flatMap((reason) => {
    const figures = landing[reason];
    if (figures?.needsAttention !== true || figures.count === 0) return [];
    return {
      id: `landing:${reason}`,
      since: isoTime(now - figures.oldestSeconds * 1000),
      what: `${counted(figures.count, 'file')} (${roundedSize(figures.bytes)}) in the landing directory ${WHAT_OF_LANDING[reason][figures.count === 1 ? 0 : 1]}.`,
      effect: `What is in ${figures.count === 1 ? 'it' : 'them'} is not in the bucket.`,
      remedy: REMEDY_OF_LANDING[reason],
      command: 'wavspool landing',
    };
  });
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
