import { proveOnce } from '../../ingest/arrival/index.ts';
import type { Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { LedgerCatalogue, TarLedger } from '../../domain/ledger.ts';
import type { TarVersion } from '../../domain/tar.ts';
import { proveBelow } from '../../platform/tar/index.ts';
import type { Finding } from './compare.ts';

export interface TarAuditDeps {
  readonly ledger: {
    readonly tars: Pick<TarLedger, 'settled'>;
    readonly catalogue: Pick<LedgerCatalogue, 'lackingRows'>;
  };
  readonly arrival: Settings['arrival'];
  readonly incoming: string;
  readonly clock: Clock;
  readonly report: Report;
}

/**
 * The other direction: tars that lie complete in the landing directory and were never extracted, and tars of whose recordings
 * rows are missing. Where tars are unknown it waits one quiet period, to tell those that are still being written.
 */
export async function* auditTars(deps: TarAuditDeps): AsyncGenerator<Finding> {
  for (const tar of await deps.ledger.catalogue.lackingRows()) {
    const reason = `had ${tar.wavs} recordings when it was extracted; not all of them have a row now`;
    yield { sign: '!', key: tar.path, reason, tar: tar.path };
  }
  const found: TarVersion[] = [];
  await proveOnce({
    settings: deps.arrival,
    incoming: deps.incoming,
    clock: deps.clock,
    report: deps.report,
    known: (versions) => deps.ledger.tars.settled(versions),
    queue: (versions) => {
      for (const version of versions) found.push(version);
      return Promise.resolve();
    },
    prove: proveBelow(deps.incoming),
  });
  const settled = await deps.ledger.tars.settled(found); // some may have been extracted while we looked
  for (const { path } of found.filter(({ path }) => !settled.has(path))) {
    yield { sign: '!', key: path, reason: 'landed complete, and was not extracted', tar: path };
  }
}
