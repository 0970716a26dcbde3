import type { Ledger } from '../../domain/ledger.ts';
import { restoreFromReceipts, type Restored } from '../../ingest/receipt/index.ts';
import type { Settings } from '../../platform/config/index.ts';
import { openStore, type StoreUser } from '../../platform/s3/index.ts';

export interface RowsFromReceiptsDeps extends StoreUser {
  readonly settings: Settings;
  readonly ledger: Pick<Ledger, 'catalogue'>;
}

/** Writes into the ledger what the receipts in the bucket tell and it does not know. Safe to repeat. Throws store faults. */
export async function rowsFromReceipts(deps: RowsFromReceiptsDeps, signal: AbortSignal): Promise<Restored> {
  const { settings, ledger } = deps;
  const { incoming, extracted } = settings.paths;
  const store = await openStore(deps);
  try {
    const place = { site: settings.site, prefix: settings.s3.prefix, incoming, extracted };
    return await restoreFromReceipts({ ledger, store, ...place }, signal);
  } finally {
    store.close();
  }
}
