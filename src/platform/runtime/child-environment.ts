/** What programs may need of our environment and what holds no secret of ours. */
const PASSED =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TZ|TMPDIR|SQLITE_TMPDIR|LANG|LANGUAGE|LC_[A-Z]+|LD_LIBRARY_PATH|LD_PRELOAD|NODE_COMPILE_CACHE|MALLOC_ARENA_MAX)$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment for a program that we start: what is known to be harmless, and nothing else, for the store's secrets, tokens
 * and passwords stand in ours (P9). Only the roles, which read the settings, get the whole.
 */
export function childEnvironment(own: Environment = process.env): Record<string, string> {
  const passed = Object.entries(own).filter(([name, value]) => PASSED.test(name) && value !== undefined);
  return Object.fromEntries(passed) as Record<string, string>;
}
