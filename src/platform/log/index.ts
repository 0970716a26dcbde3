// The log: what is reported becomes a JSON line in the log file and a short one on stderr. All roles append to the same file, so
// reading along there is how one of them hears the others.
export { followLog, type Following } from './follow-log.ts';
export type { LoggedEvent } from './logged-events.ts';
export { openReporting, type Reporting } from './open-reporting.ts';
export { recentEvents, type RecentQuery } from './recent-events.ts';
