// The order by time, see by-time.ts, as conditions of SQLite.

/** Of rows with a time, those behind @timestamp and @rowid: a range of the index by status and timestamp. */
export const IS_DATED_BEHIND = '(timestamp, rowid) < (@timestamp, @rowid)';
/** Of rows without one, which come last, those behind @undatedRowid. */
export const IS_UNDATED_BEHIND = '(timestamp IS NULL AND rowid < @undatedRowid)';
