// The one source of truth: which tars were extracted and how far every recording is. The interface is asynchronous where it
// writes, so that a network database can stand behind it.
export { openStateStore, type StateStoreOptions } from './open.ts';
export { isSameBatch } from './batch.ts';
export type { StateTrouble } from './own-faults.ts';
export type {
  AuditedRow,
  AuditList,
  CleanupTarget,
  CommittedTar,
  Extraction,
  Failure,
  FailedPage,
  FailedTar,
  FailureFilter,
  ListQuery,
  RecordingPage,
  RecordingPlace,
  Occupant,
  OpenRecording,
  Progress,
  RecordingRow,
  ReceiptIntent,
  RefusedRecording,
  RestoredRecording,
  RestoredTar,
  StagedRecording,
  StateCounts,
  StateStore,
  TakenRecordings,
  TarReceipt,
  TarRow,
  TarSummary,
  TarVersion,
  UploadReceipt,
  UploadStatus,
  WavFacts,
} from './state-store.ts';
