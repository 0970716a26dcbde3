// What is done on a schedule: a timer or the maintenance queue wakes, the journal decides what is due.
export { scratchOf } from './jobs.ts';
export { tasksOf } from './tasks.ts';
export type { Task } from './task.ts';
export { wakeByQueue } from './wake-by-queue.ts';
export { wakeByTimer } from './wake-by-timer.ts';
