/**
 * Object storage: what wavspool wants of it, and an S3-compatible one. Everything that the S3 client can throw becomes a
 * fault here; no other folder knows a name of AWS's. Start at object-store.ts.
 */
export type {
  ByteRange,
  ListedObject,
  ObjectHead,
  ObjectStore,
  ObjectToPut,
  PutResult,
  StoreFinding,
} from './object-store.ts';
export { knownHead } from './known-heads.ts';
export { keyAt, objectAddress, storePlace } from './place.ts';
export { unreadable } from './recording-bytes.ts';
export { openStore, type StoreUser } from './open-later.ts';
export type { S3StoreSettings } from './s3.ts';
export { S3Fault } from './s3-faults.ts';
