/** What a Redis says that has become a replica, or was one in the middle of a blocking command, or has lost its master. */
const SWAPPED = /^(?:READONLY|UNBLOCKED|MASTERDOWN)\b/;
/** ioredis: connect anew and send the command again. */
const RECONNECT_AND_RESEND = 2;

/**
 * For ioredis' `reconnectOnError`: where the roles of a Redis swap behind one address (a managed fail-over, a virtual IP), old
 * connections stay open to what is a replica now, so only a new one finds the master. `swapped` hears of each such answer and
 * says whether another connection may be tried: behind an address that leads to a replica for good it would never end.
 */
export function followSwaps(swapped: (error: Error) => boolean): (error: Error) => 2 | false {
  return (error) => (SWAPPED.test(error.message) && swapped(error) ? RECONNECT_AND_RESEND : false);
}
