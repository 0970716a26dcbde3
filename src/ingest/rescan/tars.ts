import type { IngestDeps } from '../deps.ts';

import { extractWork, priorityOf } from '../../platform/queue/index.ts';
import type { TarVersion } from '../../domain/tar.ts';

type TarApp = Pick<IngestDeps, 'ledger' | 'queues' | 'settings'>;

/** The paths of those versions that need nothing: extracted, failed for good, or under way in the queue. */
export async function knownTars(app: TarApp, versions: readonly TarVersion[]): Promise<ReadonlySet<string>> {
  const settled = await app.ledger.tars.settled(versions);
  const open = versions.filter(({ path }) => !settled.has(path));
  return new Set([...settled, ...(await tarsUnderWay(app, open))]);
}

/** The paths of those versions that are in the queue, waiting or at work. */
export async function tarsUnderWay(
  app: Pick<IngestDeps, 'queues'>,
  versions: readonly TarVersion[],
): Promise<ReadonlySet<string>> {
  const ids = versions.map((version) => extractWork(version, 0).id);
  const underWay = await app.queues.extract.underWay(ids);
  return new Set(versions.filter((_, i) => underWay.has(ids[i] ?? '')).map(({ path }) => path));
}

/** As {@link queueTars}, but in the settings' order by date, and behind those whose turn it is. */
export async function queueTarsByDate(
  app: TarApp & Pick<IngestDeps, 'clock'>,
  versions: readonly TarVersion[],
): Promise<number> {
  const { order } = app.settings.arrival;
  const now = app.clock.now();
  return queueTars(app, versions, ({ mtimeMs }) => priorityOf(mtimeMs, order, now));
}

/** Queues tars for extraction, behind those that are queued so already; returns how many were not under way before. */
export async function queueTars(
  app: Pick<IngestDeps, 'queues'>,
  versions: readonly TarVersion[],
  priority: (tar: TarVersion) => number = () => 0,
): Promise<number> {
  return (await app.queues.extract.ensure(versions.map((tar) => extractWork(tar, priority(tar))))).length;
}
