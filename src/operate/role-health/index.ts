// What each role says of itself, on a unix socket of its own below `paths.data`, so that no role's liveness depends on the
// dashboard's or on Redis: the verdict over its own facts, the socket that answers with it, and how to ask.
export { answerHealth, type Answering } from './answer-health.ts';
export { askRoles, type Asked } from './ask-roles.ts';
export { ownVerdict, type OwnFacts, type RoleHealth } from './own-verdict.ts';
