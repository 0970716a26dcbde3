import type { Settings } from '../../platform/config/index.ts';

/** One entry of `settings.logs`: what logrotate calls a log and its directives. */
export type LogEntry = Settings['logs'][number];

/** Those of an entry's keys that decide on names. */
export type NamingOptions = Pick<
  LogEntry,
  | 'rotate'
  | 'start'
  | 'compress'
  | 'delaycompress'
  | 'dateext'
  | 'dateformat'
  | 'extension'
  | 'file'
  | 'maxage'
>;
