// Rotates log files with logrotate's names and without its gap: no line of an appending writer is lost, nothing is half (P10, P3).
export { collapseWithFallocate, type CollapseRange } from './collapse.ts';
export type { RotateDeps } from './deps.ts';
export type { RotateOptions } from './due.ts';
export { listArchives } from './archives.ts';
export { logsOf } from './logs-of.ts';
export type { LogEntry } from './options.ts';
export type { RotationResult } from './result.ts';
export { rotateLog } from './rotate-log.ts';
export { rotationState } from './rotation-state.ts';
export type { LastRotation } from './state-file.ts';
