// What state.db says against what the bucket holds, in both directions, and the receipts against both; with repair.
export {
  NOTHING_TO_AUDIT,
  runAudit,
  type AuditAsked,
  type AuditedFinding,
  type AuditSummary,
  type RunAuditDeps,
} from './run-audit.ts';
export { rowsFromReceipts } from './rows-from-receipts.ts';
