// Directories kept as dated trees that share their unchanged files: complete by themselves, and known from their manifests.
export { listMirrors, realBytesOf, type StoredMirror } from './catalogue.ts';
export { pruneMirror } from './prune.ts';
export { runMirror, type MirrorDeps, type MirrorResult } from './run-mirror.ts';
export { type MirrorSettings } from './settings.ts';
export { verifyMirror, type Difference, type VerifiedMirror } from './verify.ts';
