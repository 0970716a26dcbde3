// The log: what is reported becomes a JSON line in the log file and a short one on stderr.
export { createLog, type Log, type LogOptions } from './create.ts';
