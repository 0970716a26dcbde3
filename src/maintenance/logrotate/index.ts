// Rotates log files with logrotate's names and without its gap: no line of an appending writer is lost, nothing is half (P10, P3).
export { collapseWithFallocate, type CollapseRange } from './system-programs.ts';
export type { RotateDeps } from './deps.ts';
export type { RotateOptions } from './due.ts';
export { listArchives } from './archives.ts';
export { logsOf } from './logs-of.ts';
export type { LogEntry } from './names.ts';
export { type RotationResult, rotationState, type LastRotation } from './state-file.ts';
export { rotateLog } from './rotate-log.ts';
