// What state.db says against what the bucket holds, in both directions, and the receipts against both; with repair.
export { auditBucket, type AuditDeps, type AuditOptions } from './audit-bucket.ts';
export { auditReceipts } from './audit-receipts.ts';
export { auditTars } from './audit-tars.ts';
export type { AuditTotals, Finding } from './compare.ts';
export { repairFinding, type RepairDeps } from './repair.ts';
