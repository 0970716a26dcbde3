import { whoHasOpen, type FileIdentity, type Opener } from '../../platform/linux/index.ts';

/** The processes that have the file open for writing, this one included, which may log to it; its `exceptFd` does not count. */
export async function writersOf(file: FileIdentity, exceptFd?: number): Promise<readonly Opener[]> {
  const except = new Set(exceptFd === undefined ? [] : [exceptFd]);
  return (await whoHasOpen(new Set([file]), except)).filter(({ writes }) => writes);
}
