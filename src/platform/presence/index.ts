// Who is at work: what each role says of itself every few seconds. Redis holds it, and where nothing goes through Redis a file for
// each role in the data directory.
export {
  fieldOf,
  inOrder,
  isSilent,
  type Heartbeat,
  type HeldWork,
  type Presence,
  type SiteDirectories,
} from './heartbeat.ts';
export { presenceInFiles } from './in-files.ts';
export { findElsewhere, knownId, type Elsewhere } from './other-directories.ts';
