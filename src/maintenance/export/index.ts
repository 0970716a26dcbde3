// Tables of a SQLite database as SQL: what every SQLite can load, and what was loaded once before it got its name.
export { adoptExports } from './adopt.ts';
export { listExports } from './catalogue.ts';
export { pruneExports } from './prune.ts';
export type { ExportDeps, ExportSettings } from './deps.ts';
export { exportTables, type ExportResult } from './export-tables.ts';
