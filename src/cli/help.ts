/** What `--help` of a command tells beside its options. */
export interface CommandHelp {
  /** Command lines, each with what it is for; a unit test parses every one of them. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** What each exit code means here; 0, 2 and 130 mean the same everywhere unless it says otherwise. */
  readonly exits: Readonly<Partial<Record<0 | 1 | 3 | 70, string>>>;
}

const NO_QUEUES = 'Redis or state.db cannot be used';
const NO_STATE = 'state.db cannot be used';
const NO_STORE = 'the store does not serve';
const NOT_ASKED = 'a site could not be asked';
const EVERYWHERE = { 0: 'done', 2: 'usage or settings', 130: 'interrupted' } as const;

/** By the names of the command, as they are typed. */
export const HELP: Readonly<Record<string, CommandHelp>> = {
  up: {
    examples: [
      ['wavspool up', 'until Ctrl-C or SIGTERM'],
      ['wavspool up --config /etc/wavspool/wavspool.yaml', ''],
    ],
    exits: { 0: 'ended in order', 3: 'the embedded Redis cannot be started, or its program is missing' },
  },
  work: {
    examples: [
      ['wavspool work upload', 'one role, as a service or a container has it'],
      ['wavspool work watch maintain', 'two in one process'],
    ],
    exits: { 0: 'ended in order', 3: NO_STATE, 70: 'its work stalled: start it again' },
  },
  ingest: {
    examples: [
      ['wavspool ingest /srv/sftp/incoming/2026/11/28/calls.tar', 'queue it, whatever the quiet period'],
      ['wavspool ingest --wait day-1.tar day-2.tar', 'until each recording is in the bucket or given up'],
    ],
    exits: {
      1: 'a tar is not whole; with --wait: something failed',
      3: NO_QUEUES,
    },
  },
  status: {
    examples: [
      ['wavspool status', ''],
      ['wavspool status --watch', 'again every 2 s'],
      ['wavspool status --site all', 'every site that is known'],
      ['wavspool status --json', 'for monitoring: the exit code, and verdict.attention'],
    ],
    exits: { 1: 'something needs attention', 3: `${NO_STATE}, or ${NOT_ASKED}` },
  },
  failed: {
    examples: [
      ['wavspool failed --by-cause', 'how many, by cause'],
      ['wavspool failed --cause network --since 2h', 'which, with what the store said'],
      ['wavspool failed --tar "day-*.tar" --limit 1000', ''],
      ['wavspool failed --match text:403', ''],
    ],
    exits: {
      0: 'nothing that is asked for has failed',
      1: 'something has',
      3: `${NO_STATE}, or ${NOT_ASKED}`,
    },
  },
  requeue: {
    examples: [
      ['wavspool requeue --cause network --canary 5', 'five first; the others only if these succeed'],
      ['wavspool requeue --tar "day-1.tar" --dry-run', 'how many it would be'],
      ['wavspool requeue --all', ''],
      ['wavspool requeue --all --site south', 'of another site'],
    ],
    exits: { 1: 'a canary failed again; the others stay as they are', 3: `${NO_QUEUES}, or ${NOT_ASKED}` },
  },
  pause: {
    examples: [
      ['wavspool pause upload --reason "the store is upgraded" --for 2h', 'ends by itself'],
      ['wavspool pause --reason "disk is swapped"', 'extract and upload, until resume'],
    ],
    exits: { 3: NO_QUEUES },
  },
  resume: {
    examples: [
      ['wavspool resume', 'extract and upload'],
      ['wavspool resume upload', ''],
    ],
    exits: { 3: NO_QUEUES },
  },
  drain: {
    examples: [['wavspool drain --reason "upgrade"', 'returns when nothing is in flight']],
    exits: { 3: NO_QUEUES },
  },
  landing: {
    examples: [
      ['wavspool landing', ''],
      ['wavspool landing --json --limit 100', ''],
      ['wavspool landing --site all', 'every site that is known'],
    ],
    exits: { 0: 'nothing needs attention', 1: 'something does', 3: `${NO_STATE}, or ${NOT_ASKED}` },
  },
  fetch: {
    examples: [
      ['wavspool fetch --tar "day-1.tar" --as day-1-back.tar', 'one tar, each recording proven'],
      ['wavspool fetch --since 2h --match text:4417 --to /tmp/complaint', ''],
      ['wavspool fetch crm/2026/11/28/call-0900.wav --to .', ''],
    ],
    exits: {
      1: 'a recording is not what it was; it is named',
      3: 'state.db cannot be used, or the store does not serve',
    },
  },
  trace: {
    examples: [
      ['wavspool trace 2026/11/28/calls.tar', 'a tar, below the landing directory'],
      ['wavspool trace 2026/11/28/1001.wav', 'a recording: its path below "extracted", or its key'],
      ['wavspool trace 2026/11/28/1001.wav --site all', 'wherever it is'],
    ],
    exits: { 1: 'nothing is known of it', 3: `${NO_STATE}, or ${NOT_ASKED}` },
  },
  rescan: {
    examples: [
      ['wavspool rescan', ''],
      ['wavspool rescan --from-receipts', 'after state.db was lost, beside no running wavspool'],
    ],
    exits: { 1: 'with --from-receipts: a receipt is not valid', 3: `${NO_QUEUES}, or ${NO_STORE}` },
  },
  audit: {
    examples: [
      ['wavspool audit', 'lists the bucket, compares each object with its row'],
      ['wavspool audit --since 2026-11-01 --deep', 'downloads and hashes them'],
      ['wavspool audit --sample 1000 --receipts', ''],
      ['wavspool audit --site all', 'every site that is known'],
    ],
    exits: {
      0: 'all that landed is in the bucket, as it should be',
      1: 'something is missing, differs, or is not uploaded',
      3: `state.db or the store cannot be used, or ${NOT_ASKED}`,
    },
  },
  snapshot: {
    examples: [
      ['wavspool snapshot state', 'prints the path of a verified copy'],
      ['wavspool snapshot bot --event deploy --label v1.2', 'those that are bound to the event'],
    ],
    exits: { 1: 'it failed, is in doubt, or could not be brought offsite', 3: 'jobs.db cannot be used' },
  },
  'snapshots list': {
    examples: [
      ['wavspool snapshots list', 'everything that is kept'],
      ['wavspool snapshots list state --json', ''],
    ],
    exits: { 1: 'the bucket could not be listed; the rest is shown', 3: 'jobs.db cannot be used' },
  },
  'snapshots verify': {
    examples: [['wavspool snapshots verify', 'reads every copy on disk']],
    exits: { 1: 'a copy is bad', 3: 'jobs.db cannot be used' },
  },
  'snapshots adopt': {
    examples: [['wavspool snapshots adopt state --dry-run', 'says what it would take for what']],
    exits: { 1: 'a copy stays without a record', 3: 'jobs.db cannot be used' },
  },
  'snapshots confirm': {
    examples: [['wavspool snapshots confirm state', 'every copy of it that is in doubt']],
    exits: { 3: 'jobs.db cannot be used' },
  },
  'snapshots prune': {
    examples: [['wavspool snapshots prune --dry-run', 'why each stays or goes']],
    exits: { 1: 'a directory could not be read or changed', 3: `jobs.db cannot be used, or ${NO_STORE}` },
  },
  restore: {
    examples: [
      ['wavspool restore state', 'on a terminal: asks which'],
      ['wavspool restore state --verify-only', 'reads every copy, changes nothing'],
      ['wavspool restore shop --at "2026-11-19 14:03:20" --yes', ''],
    ],
    exits: { 1: 'nothing was restored, or a copy is bad', 3: `jobs.db cannot be used, or ${NO_STORE}` },
  },
  export: {
    examples: [['wavspool export portfolio social', 'prints the path']],
    exits: { 1: 'it failed', 3: 'jobs.db cannot be used' },
  },
  mirror: {
    examples: [
      ['wavspool mirror audio', 'prints the path'],
      ['wavspool mirror audio --fetch 2026-11-20 --to /tmp/audio', 'back from the bucket'],
    ],
    exits: {
      1: 'it failed, is in doubt, or could not be brought offsite',
      3: `rsync is missing, or ${NO_STORE}`,
    },
  },
  rotate: {
    examples: [
      ['wavspool rotate --dry-run', 'what is due'],
      ['wavspool rotate files_logs.log --force', ''],
    ],
    exits: { 1: 'a log could not be rotated', 3: 'jobs.db cannot be used' },
  },
  'config check': {
    examples: [['wavspool config check --config /etc/wavspool/wavspool.yaml', '']],
    exits: { 0: 'no fault' },
  },
  'config show': {
    examples: [['wavspool config show', 'each value with its source, secrets masked']],
    exits: {},
  },
  'alerts test': {
    examples: [['wavspool alerts test', 'one message to each receiver, now']],
    exits: { 0: 'each has taken it', 1: 'one has not' },
  },
  init: {
    examples: [
      ['wavspool init', 'on a terminal: asks'],
      ['wavspool init --yes --bucket calls --endpoint https://s3.example.com', ''],
      ['wavspool init --config /etc/wavspool/wavspool.yaml --landing /srv/sftp', ''],
    ],
    exits: { 0: 'written' },
  },
  'state migrate': {
    examples: [['wavspool state migrate', 'once before the first start, and before a new version starts']],
    exits: { 3: 'the ledger cannot be reached, or the tables may not be made' },
  },
  'state copy': {
    examples: [
      [
        'wavspool state copy --to postgres://wavspool@pg1,pg2/wavspool',
        'from state.db, before state.url names it',
      ],
      ['wavspool state copy --to sqlite:/var/lib/wavspool/state.db', 'and back'],
    ],
    exits: { 3: 'a ledger cannot be reached, or the two differ after it' },
  },
  version: {
    examples: [
      ['wavspool version', ''],
      ['wavspool version --json', 'commit, Node and schema as fields'],
    ],
    exits: {},
  },
  completion: {
    examples: [
      ['wavspool completion bash', 'for /etc/bash_completion.d/wavspool'],
      ['wavspool completion fish', 'for ~/.config/fish/completions/wavspool.fish'],
    ],
    exits: {},
  },
  doctor: {
    examples: [['wavspool doctor', '"FAIL" comes with what to do; "WARN" is advice']],
    exits: { 0: 'every precondition is met', 1: 'one is not' },
  },
};

/** Every exit code of a command and what it means, in their order. */
export function exitsOf({ exits }: CommandHelp): readonly (readonly [code: number, meaning: string])[] {
  return Object.entries({ ...EVERYWHERE, ...exits }).map(([code, meaning]) => [Number(code), meaning]);
}

const COLUMNS = 80;
const EXAMPLE_GAP = '    # '.length;

/** What stands behind the options in a command's `--help`. */
export function helpText(help: CommandHelp): string {
  const widest = Math.max(...help.examples.map(([line]) => line.length));
  // where one would not fit beside its line, what each is for stands above it
  const inLine = help.examples.every(([, what]) => widest + what.length + EXAMPLE_GAP <= COLUMNS);
  const examples = help.examples.flatMap(([line, what]) => {
    if (what === '') return [`  ${line}`];
    return inLine ? [`  ${line.padEnd(widest)}  # ${what}`] : [`  # ${what}`, `  ${line}`];
  });
  const exits = exitsOf(help).map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ['', 'Examples:', ...examples, '', 'Exit codes:', ...exits].join('\n');
}
