// An audit in a process of its own, for a server that goes on answering meanwhile.
export { auditInProcess } from './audit-in-process.ts';
