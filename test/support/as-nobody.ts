const NOBODY = 65_534;

/** Runs `use` without root's right to read everything, where the tests run as root: what is closed is closed then. */
export async function asNobody<T>(use: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return use();
  process.seteuid?.(NOBODY);
  try {
    return await use();
  } finally {
    process.seteuid?.(0);
  }
}
