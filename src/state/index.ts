// The one source of truth: which tars were extracted and how far every recording is. The interface is asynchronous where it
// writes, so that a network database can stand behind it.
export { openStateStore, type StateStoreOptions } from './open.ts';
export type {
  CommittedTar,
  Extraction,
  Failure,
  FailedTar,
  FailureFilter,
  ListQuery,
  Occupant,
  OpenRecording,
  Progress,
  RecordingRow,
  RefusedRecording,
  StagedRecording,
  StateCounts,
  StateStore,
  TarRow,
  TarSummary,
  TarVersion,
  UploadReceipt,
  UploadStatus,
  WavFacts,
} from './state-store.ts';
