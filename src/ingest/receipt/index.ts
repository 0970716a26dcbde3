// A receipt per tar in the bucket: what the tar held and where it lies, chained by hashes, so that an auditor needs neither
// wavspool nor state.db. docs/receipts.md has the format and the lines of shell that check one.
export { findBreaks, type ChainBreak, type ChainLink } from './chain.ts';
export { RECEIPTS, type Receipt } from './document.ts';
export { restoreFromReceipts, type Restored } from './restore.ts';
export { linkOf, readReceipts, type StoredReceipt } from './stored.ts';
export { receiptWriter, type ReceiptDeps, type WriteReceipts } from './write-receipts.ts';
