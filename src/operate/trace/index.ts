// The life of one tar or recording as the disk, state.db, the queues and the store tell it.
export { leftOutOf, versionsOf, type LeftOut, type TarVersionSeen } from './left-out.ts';
export { timelineOf, type LifeStep } from './timeline.ts';
export { factsOnDisk, trace, type OnDisk, type Trace } from './trace.ts';
export { traceThroughApi } from './through-api.ts';
