/** What no single file is to blame for: a disk that fails, is full or read-only, a share that is gone, no descriptors, no memory. */
const OF_HOST: ReadonlySet<string> = new Set(
  (
    'EROFS EIO ENOSPC EDQUOT EMFILE ENFILE ENOMEM ENOBUFS EAGAIN ESTALE ENODEV ' +
    'ENXIO ENOTCONN EHOSTDOWN EHOSTUNREACH ETIMEDOUT EREMOTEIO ENETDOWN ENETUNREACH'
  ).split(' '),
);

/** Whether that errno is the host's trouble, whatever was being done. An EIO of a single file may still be that file's. */
export function isOfHost(errno: string): boolean {
  return OF_HOST.has(errno);
}
