// Recordings back from the bucket, each proven against its SHA-256: as one tar, or into a directory. Start at fetch-recordings.ts.
export { chosen, type Wanted } from './choose.ts';
export { asTar, type Fetched } from './fetch-recordings.ts';
export { fetchTo } from './fetch-to.ts';
