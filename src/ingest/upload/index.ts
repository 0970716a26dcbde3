// From a recording to the bucket: one conditional, hash-signed PUT each, retried within its row's budget; when the store
// itself is unreachable, all recordings wait and no retry is spent.
export { startUploads } from './start-uploads.ts';
export { uploadRecording, type UploadDeps } from './upload-recording.ts';
export { recordingKey, recordingKeys } from './key.ts';
export { bandwidth } from './bandwidth.ts';
