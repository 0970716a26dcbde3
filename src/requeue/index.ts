// An operator's second chance for what failed: from the command line and from the dashboard alike.
export { requeue, tarGlob, type Requeued, type RequeueRequest } from './requeue.ts';
