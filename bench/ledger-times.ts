import { systemClock, systemRandom } from '../src/platform/runtime/index.ts';
import { openPostgresLedger } from '../src/platform/state/index.ts';
import type { PostgresAddress } from '../src/platform/config/index.ts';
import { median, type Judged } from './report.ts';
import type { Known } from './scale-console.ts';

const TIMES = 20;
const QUERY_MS = 100;
const COUNT_MS = 50;

/** How long a ledger of many sites takes for what the roles and the screens ask of one of them: medians of 20. */
export async function ledgerTimes(
  address: PostgresAddress,
  site: string,
  store: string,
  { recording, tar, part }: Known,
): Promise<readonly Judged[]> {
  const ledger = await openPostgresLedger({
    address,
    site,
    store,
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
  });
  const { recordings, tars, catalogue, receipts } = ledger;
  const present = new Date();
  const text = (hoursAgo: number): string =>
    new Date(present.getTime() - hoursAgo * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
  const questions: readonly (readonly [string, number, () => Promise<unknown>])[] = [
    ['counts', COUNT_MS, () => catalogue.counts()],
    ['causes', COUNT_MS, () => catalogue.causes()],
    ['backlog', COUNT_MS, () => recordings.backlog()],
    ['how many upload jobs the open recordings need', COUNT_MS, () => recordings.openUnitCount()],
    ['what ended in the last hour', COUNT_MS, () => catalogue.ended([{ from: text(1), to: text(0) }])],
    ['failures by message', QUERY_MS, () => catalogue.failureGroups()],
    ['100 failures', QUERY_MS, () => recordings.failures({}, { limit: 100 })],
    ['500 open recordings', QUERY_MS, () => recordings.openUnits({ limit: 500 })],
    ['100 recordings', QUERY_MS, () => catalogue.list({ limit: 100 })],
    ['a page by a part of a name', QUERY_MS, () => catalogue.search({ limit: 100, part })],
    ['a recording', QUERY_MS, () => recordings.get(recording)],
    ['the progress of a tar', QUERY_MS, () => tars.progress(tar)],
    ['100 tars', QUERY_MS, () => catalogue.browseTars({ limit: 100, state: 'all' })],
    ['tars that are due for their receipt', QUERY_MS, () => receipts.due({ limit: 100 })],
  ];
  const figures: Judged[] = [];
  try {
    for (const [what, atMost, ask] of questions) {
      const taken: number[] = [];
      for (let time = 0; time < TIMES; time += 1) {
        const askedAt = performance.now();
        await ask();
        taken.push(performance.now() - askedAt);
      }
      figures.push({ what: `ledger: ${what}`, value: median(taken), unit: 'ms', atMost });
    }
  } finally {
    await ledger.close();
  }
  return figures;
}
