/**
 * The settings: where their file is, what it may hold, what holds without it, and where each value came from. Features
 * get their own slice of them (`settings.upload`), never the whole and never the environment. load.ts goes through the steps: find the
 * file (settings-file), parse it with the line of each key (read-yaml, tree), put in variables and files of secrets (environment,
 * secret-files), lay it over defaults.yaml (merge), make paths absolute (paths), check each value (schema, values, units, cron) and
 * what several break together (rules, copy-rules). What features ask of the result stands beside it, a file a question.
 */
export { runsByTheClock } from './by-the-clock.ts';
export { copyDirectories } from './copy-directories.ts';
export { STATE_DATABASE, effectiveDatabases } from './effective-databases.ts';
export type { DatabaseSettings } from './effective-databases.ts';
export { effectiveLogs } from './effective-logs.ts';
export { embeddedSocket } from './embedded-socket.ts';
export type { Environment } from './environment.ts';
export { nearestName } from './nearest-name.ts';
export { ledgerName, networkLedger } from './ledger-address.ts';
export { postgresAddress, shownAddress, type PostgresAddress } from './postgres-address.ts';
export { isEmbeddedRedis, redisNode } from './redis-address.ts';
export { loadSettings, settingsOfText } from './load.ts';
export type { LoadedSettings } from './load.ts';
export type { UsedParts } from './parts.ts';
export type { Settings } from './schema.ts';
export { Secret } from './secret.ts';
export { SettingsError } from './settings-error.ts';
export type { SettingsFault } from './settings-error.ts';
export { settingsCandidates } from './settings-file.ts';
export { settingsLines, showSettings } from './show.ts';
export type { ShownSetting } from './show.ts';
export { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';
