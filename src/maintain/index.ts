// What is done on a schedule, through the maintenance queue: one job at a time over all processes.
export { maintainRole } from './role.ts';
