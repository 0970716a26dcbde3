// What comes again and again once recordings are in the bucket: receipts, cleanup, uploads that were left behind.
export { ingestJobs, prepareScratch, type IngestJobsDeps } from './jobs.ts';
