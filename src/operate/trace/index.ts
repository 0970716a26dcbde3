// The life of one tar or recording as the disk, state.db, the queues and the store tell it.
export { trace, type Trace } from './trace.ts';
