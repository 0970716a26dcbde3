// The one HTTP server: the overview page, Bull Board, the JSON API, metrics and liveness, all but the last behind a token.
export { dashboardRole } from './role.ts';
