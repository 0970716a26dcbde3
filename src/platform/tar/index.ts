// Reads tars that strangers sent: member by member in bounded memory, and with proof that the tar is all there. A tar that
// ends early is told from one that is broken, because only the first may still be on its way.
export type { Doubt } from './doubt.ts';
export { openTar } from './bytes.ts';
export { proveBelow, proveComplete, type Completeness } from './prove-complete.ts';
export { readTar, type ReadTarOptions } from './read-tar.ts';
export type { MemberKind, TarMember } from './walk.ts';
export { admittedEndings, type Admissible, type Ending, type TarEnd } from './end.ts';
export { decodeName } from './name.ts';
