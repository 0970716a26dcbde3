import { keepEvents, keepMinutes, openHistory } from '../operate/history/index.ts';
import type { KeptEvent } from '../domain/history.ts';
import type { Status } from '../operate/status/index.ts';
import type { Context, DashboardDeps } from './context.ts';

/** What was, while it is being noted. */
export interface Kept extends Pick<Context, 'history' | 'heard'> {
  /** Begins to note; `status` is asked each minute. */
  follow(status: () => Promise<Status>): void;
  stop(): Promise<void>;
}

/** Opens the history of a site. Throws STATE_UNUSABLE or STATE_DAMAGED. */
export function startHistory({ settings, ledger, host, clock, report }: DashboardDeps): Kept {
  const history = ledger.shared?.history(host.origin) ?? openHistory(settings.paths.state);
  const listeners = new Set<(events: readonly KeptEvent[]) => void>();
  const tell = (events: readonly KeptEvent[]): void => {
    for (const listener of listeners) listener(events);
  };
  const stopped = new AbortController();
  const running: Promise<void>[] = [];
  return {
    history,
    heard: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    follow: (status) => {
      const deps = { history, log: settings.paths.log, catalogue: ledger.catalogue, status, clock, report };
      running.push(keepMinutes(deps, stopped.signal), keepEvents(deps, tell, stopped.signal));
    },
    stop: async () => {
      stopped.abort();
      await Promise.all(running);
      history.close();
    },
  };
}
