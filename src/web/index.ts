// The one HTTP server: the overview page, Bull Board, the JSON API, metrics and liveness, all but the last behind a token.
export { startDashboard } from './server.ts';
export { dashboardToken } from './token.ts';
export type { AuditHeard, AuditWords } from './audit-desk.ts';
export type { DashboardDeps, OpenedSite } from './context.ts';
