import { effectiveDatabases } from '../../platform/config/index.ts';
import type { Ledger } from '../../domain/ledger.ts';
import { isWithin } from '../../platform/runtime/index.ts';
import { originOf } from '../record/index.ts';
import { copiedJournal, journalOn, openJournal } from '../../platform/jobs/index.ts';
import { hostId } from '../../platform/linux/index.ts';
import { maintenanceJobs } from './jobs.ts';
import type { Maintenance } from './maintenance.ts';
import { openStore, type ObjectStore } from '../../platform/s3/index.ts';

/** What maintenance is opened with; without a ledger what is noted is noted on this host alone. */
type Opened = Pick<Maintenance, 'settings' | 'clock' | 'random' | 'report'> & {
  readonly ledger?: Pick<Ledger, 'shared' | 'trouble'>;
};

/** Opens the journal. Throws STATE_UNUSABLE. */
export async function openMaintenance({
  settings,
  clock,
  random,
  report,
  ledger,
}: Opened): Promise<Maintenance> {
  const origin = await originOf(settings.paths.data);
  const own = await openJournal(settings.paths.data);
  let store: ObjectStore | undefined;
  const alone: Omit<Maintenance, 'host' | 'isOwn'> = {
    settings,
    databases: effectiveDatabases(settings),
    clock,
    random,
    report,
    journal: own,
    timezone: settings.timezone,
    dataDirectory: settings.paths.data,
    origin,
    store: async () => {
      const opened = store ?? (await openStore({ settings, report, clock }));
      store ??= opened;
      if (store !== opened) opened.close(); // it was asked for twice at a time
      return store;
    },
    close: () => {
      store?.close();
      own.close();
    },
  };
  return withOthers(alone, ledger);
}

/** With what other processes of this machine may have to do as well. */
function withOthers(alone: Omit<Maintenance, 'host' | 'isOwn'>, ledger: Opened['ledger']): Maintenance {
  const { dataDirectory, origin, journal } = alone;
  const jobs = maintenanceJobs({ ...alone, host: origin, isOwn: () => true });
  const common = jobs.filter(
    ({ files }) => files !== undefined && !files.some((file) => isWithin(dataDirectory, file)),
  );
  const what = common.map(({ id, files }) => [id, files]);
  const host = hostId(JSON.stringify(what)) ?? origin;
  const ids = new Set(common.map(({ id }) => id));
  const isOwn = (job: string): boolean => !ids.has(job);
  if (ledger?.shared === undefined) return { ...alone, host, isOwn };
  const isAway = (): boolean => ledger.trouble() !== undefined;
  const shared = journalOn(ledger.shared.runs({ host }));
  return { ...alone, host, isOwn, journal: copiedJournal(journal, shared, { isAway, isOwn }) };
}
