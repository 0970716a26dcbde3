import { openRegular } from './follow-log.ts';
import { eventOf, timeOfId, type LoggedEvent } from './logged-events.ts';
import { linesBackwards } from './read-backwards.ts';

export interface RecentQuery {
  readonly limit: number;
  /** The id of an event: only those before it. */
  readonly before?: string;
  readonly where?: (event: LoggedEvent) => boolean;
}

/**
 * The latest events of the log file, the newest first. What was rotated away is not looked at. Throws what the file system says of a
 * log that cannot be read.
 */
export async function recentEvents(
  file: string,
  { limit, before, where = () => true }: RecentQuery,
): Promise<readonly LoggedEvent[]> {
  const handle = await openRegular(file);
  if (handle === undefined) return [];
  const isBefore = before === undefined ? () => true : isBeforeEvent(before);
  const found: LoggedEvent[] = [];
  try {
    for await (const line of linesBackwards(handle, (await handle.stat()).size)) {
      if (found.length >= limit) break;
      const event = eventOf(line);
      if (event !== undefined && isBefore(event) && where(event)) found.push(event);
    }
    return found;
  } finally {
    await handle.close();
  }
}

/** Tells of one event after the other, backwards in the log, whether it stands before that id. */
function isBeforeEvent(id: string): (event: LoggedEvent) => boolean {
  const at = timeOfId(id);
  let isPassed = false;
  return (event) => {
    if (isPassed) return true;
    // several processes write: what is before an id that was rotated away is what is older than it
    isPassed = event.id === id || event.at < at;
    return isPassed && event.id !== id;
  };
}
