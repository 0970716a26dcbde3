// Directories kept as dated trees that share their unchanged files: complete by themselves, and known from their manifests.
export { listMirrors, realBytesOf, type StoredMirror } from './catalogue.ts';
export { pruneMirror } from './prune.ts';
export { runMirror, type MirrorDeps, type MirrorResult } from './run-mirror.ts';
export { type MirrorSettings } from './settings.ts';
export { verifyMirror, type Difference, type VerifiedMirror } from './verify.ts';
export { fetchMirror, type FetchedMirror } from './fetch-mirror.ts';
export { listOffsiteMirrors, type OffsiteMirror } from './offsite-catalogue.ts';
export { pruneOffsiteMirror } from './prune-offsite.ts';
export { shipMirror, type ShippedMirror } from './ship-mirror.ts';
export { adoptMirrors } from './adopt.ts';
export { ownerOf as mirrorOwner } from './owner.ts';
