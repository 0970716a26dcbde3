import type { LedgerFacts } from '../../platform/state/index.ts';
import type { Finding } from './finding.ts';

/** Timestamps of rows are the database's, those of files and logs this host's. */
const MOST_APART_MS = 2000;

/** What a ledger on PostgreSQL says of itself, with a verdict on each. */
export function ledgerFindings(facts: LedgerFacts): readonly Finding[] {
  const { settings, standbys, schema, wantedSchema, aheadMs, lacking } = facts;
  const isOn = (name: 'fsync' | 'full_page_writes'): Finding => ({
    name: `ledger: ${name}`,
    ok: settings[name] === 'on',
    found: settings[name],
    remedy: `set ${name} = on: a server that loses power would lose what it has acknowledged`,
  });
  const synced = standbys.filter((state) => state === 'sync' || state === 'quorum').length;
  // one server may be enough for who owns it; standbys that do not do what they are there for are a fault
  const isLeftToOperator = settings.synchronous_standby_names === '' || synced === 1;
  return [
    { name: 'ledger', ok: true, found: `PostgreSQL ${facts.version} at ${facts.ledger}`, remedy: '' },
    {
      name: 'ledger: schema',
      ok: schema !== undefined && schema >= wantedSchema,
      found: schema === undefined ? 'it has no tables' : `${schema}`,
      remedy: 'run "wavspool state migrate" with a user that may make tables',
    },
    {
      name: 'ledger: rights',
      ok: lacking.length === 0,
      found: lacking.length === 0 ? 'the tables can be read and written' : `without ${lacking.join(', ')}`,
      remedy: 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES to the user of state.url',
    },
    isOn('fsync'),
    isOn('full_page_writes'),
    {
      name: 'ledger: synchronous_commit',
      ok: settings.synchronous_commit !== 'off' && settings.synchronous_commit !== 'local',
      found: settings.synchronous_commit,
      remedy: 'set synchronous_commit = on: what is acknowledged has to be on two servers',
    },
    {
      name: 'ledger: standbys',
      ok: synced > 1 || isLeftToOperator,
      isAdvice: isLeftToOperator,
      found: `synchronous_standby_names is "${settings.synchronous_standby_names}", standbys: ${standbys.join(', ') || 'none'}`,
      remedy:
        "two standbys and synchronous_standby_names = 'ANY 1 (*)': else a fail-over loses rows, or the end of one standby stops every commit",
    },
    {
      name: 'ledger: clock',
      ok: true,
      isAdvice: Math.abs(aheadMs) > MOST_APART_MS,
      found: `${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} this host’s`,
      remedy: 'let both follow NTP',
    },
  ];
}
