// How a site is: one verdict from which the page, `status` and its exit code, the liveness checks, the metrics and `audit` derive.
export {
  checkStateNow,
  keepCheckingState,
  lastStateCheck,
  refuseDamagedState,
  type StateCheck,
} from './check-state.ts';
export type { DiskStatus, Facts, QueueStatus, StateFacts } from './facts.ts';
export { WORK_DIRECTORIES } from './problems-of-host.ts';
export { stallOfRole } from './stalls.ts';
export type { HeldWork, Problem, Verdict } from './types.ts';
export { isWell, verdict } from './verdict.ts';
