import { SentinelConnector } from 'ioredis';

/** What listens for the sentinels' word of a fail-over; ioredis keeps it to itself. */
interface Detecting {
  readonly failoverDetector?: { cleanup(): void } | null;
}

/**
 * ioredis' way to the master that sentinels name. The listener of the connection before is ended first: the sentinels' word reaching it
 * while another connection is sought would end that search, and with it the client, for good (ioredis 6.0.0).
 */
export class FollowingConnector extends SentinelConnector {
  override connect(
    ...args: Parameters<SentinelConnector['connect']>
  ): ReturnType<SentinelConnector['connect']> {
    (this as unknown as Detecting).failoverDetector?.cleanup();
    return super.connect(...args);
  }
}
