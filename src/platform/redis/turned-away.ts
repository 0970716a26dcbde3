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

/** What every answer of a Redis begins with. */
const ANSWER = /^[-+:$*_#,(!=%~>]/;

/**
 * Why the server at the address is of no use: a Redis that closes the connection before it is asked anything, in protected mode or with
 * too many clients, which is lost to a client that has begun to write; or a server of another kind. Asked only after a connection that
 * was cut off, or that said what no Redis does (`error`); undefined where that tells nothing.
 */
export async function whyTurnedAway({ host, port, tls }: Door, error: unknown): Promise<Error | undefined> {
  if (/Unknown RESP type/.test(String(error))) return ofAnotherKind(error);
  if (!wasCutOff(error) || host === undefined || port === undefined || tls !== undefined) return undefined;
  // Redis speaks first when it turns a client away; a web server waits to be asked
  const said = await wordsOf(host, port);
  const answer = said === '' ? await wordsOf(host, port, 'PING\r\n') : said;
  if (answer !== '' && !ANSWER.test(answer)) return ofAnotherKind(error);
  if (!said.startsWith('-')) return undefined;
  const line = said.slice(1).split('\r\n', 1)[0] ?? '';
  const sentences = line
    .split(/(?<=\.) /)
    .slice(0, 2)
    .join(' ')
    .slice(0, MOST_CHARACTERS);
  return new Error(`it turns this host away: ${sentences}`, { cause: error });
}

function wasCutOff(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(errnoOf(error) ?? '') || /closed/i.test(String(error));
}

function ofAnotherKind(cause: unknown): Error {
  return new Error('another kind of server answers there, no Redis', { cause });
}

/** What is said to a client that says no more than this; empty after a second of silence, or when no server listens. */
async function wordsOf(host: string, port: number, asked = ''): Promise<string> {
  const socket = connect({ host, port });
  try {
    socket.write(asked);
    const [words] = (await once(socket, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) })) as [Buffer];
    return words.toString('utf8');
  } catch (error) {
    if (error instanceof Error) return ''; // that it does not answer is known already
    throw error;
  } finally {
    socket.destroy();
  }
}
