import { once } from 'node:events';
import { connect } from 'node:net';
import { errnoOf } from '../../domain/faults.ts';

const DEADLINE_MS = 1000;
/** Redis explains at length what could be done about it; two sentences say what is wrong. */
const MOST_CHARACTERS = 300;

/** Where Redis listens, without encryption; on a socket of this host it turns no client away. */
interface Door {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: object | undefined;
}

/**
 * What a Redis says that closes the connection before it is asked anything, in protected mode or with too many clients: it is lost to
 * a client that has begun to write. Asked only after a connection that was cut off (`error`); undefined where it says nothing.
 */
export async function whyTurnedAway({ host, port, tls }: Door, error: unknown): Promise<Error | undefined> {
  const wasCutOff = ['ECONNRESET', 'EPIPE'].includes(errnoOf(error) ?? '') || /closed/i.test(String(error));
  if (!wasCutOff || host === undefined || port === undefined || tls !== undefined) return undefined;
  const said = await firstWords(host, port);
  if (!said.startsWith('-')) return undefined;
  const line = said.slice(1).split('\r\n', 1)[0] ?? '';
  const sentences = line
    .split(/(?<=\.) /)
    .slice(0, 2)
    .join(' ')
    .slice(0, MOST_CHARACTERS);
  return new Error(`it turns this host away: ${sentences}`, { cause: error });
}

/** What is said to a client that says nothing; empty after a second of silence, or when no server listens. */
async function firstWords(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  try {
    const [words] = (await once(socket, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) })) as [Buffer];
    return words.toString('utf8');
  } catch (error) {
    if (error instanceof Error) return ''; // that it does not answer is known already
    throw error;
  } finally {
    socket.destroy();
  }
}
