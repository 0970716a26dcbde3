import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { FAULTS, messageOf, WavspoolError, type FaultCode } from '../../domain/faults.ts';
import type { Settings } from '../../platform/config/index.ts';
import { certificateAuthorities, http } from '../../platform/runtime/index.ts';

/** What a site is asked. */
export interface SiteQuestion {
  readonly method: 'GET' | 'POST';
  /** Its path and query, e.g. `/api/uploads?limit=10`. */
  readonly path: string;
  readonly body?: object | undefined;
}

/** A site that `sites` names. */
export interface SiteApi {
  readonly site: string;
  /** Asks, and resolves with what it answers. Throws SITE_AWAY when it does not answer or refuses the token, else its fault. */
  ask(question: SiteQuestion, signal?: AbortSignal): Promise<unknown>;
  /** Opens a request for who passes on bytes; the caller sends its body and ends it. Rejections are the caller's to hear. */
  open(method: string, path: string, headers: OutgoingHttpHeaders): ClientRequest;
}

/** A dashboard answers within seconds or not at all. An audit or a canary that is waited for is asked with a signal of its own. */
const DEADLINE_MS = 5000;
/** More than any page of rows. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Opens nothing yet. Throws SETTINGS_INVALID for a `ca` that cannot be read. */
export function openSiteApi({ name, url, token, ca }: Settings['sites'][number]): SiteApi {
  const base = new URL(url);
  const prefix = base.pathname.replace(/\/+$/, '');
  const isSafe = base.protocol === 'https:';
  const authorities = certificateAuthorities(ca, 'sites');
  const open: SiteApi['open'] = (method, path, headers) => {
    const options = {
      method,
      headers: { ...headers, authorization: `Bearer ${token.reveal()}` },
      ...(isSafe && authorities !== undefined && { ca: authorities }),
    };
    const address = new URL(prefix + path, base.origin);
    if (!isSafe) return http.request(address, options);
    return process.getBuiltinModule('node:https').request(address, options); // loaded by whom it asks so
  };
  const away = (why: string, cause?: unknown): WavspoolError =>
    new WavspoolError('SITE_AWAY', `the site ${name} (${base.origin}${prefix}) ${why}`, { cause });
  return {
    site: name,
    open,
    ask: async ({ method, path, body }, signal = AbortSignal.timeout(DEADLINE_MS)) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      let status: number;
      let answer: unknown;
      try {
        const response = await answerTo(open(method, path, headersOf(payload)), payload, signal);
        status = response.statusCode ?? 0;
        answer = JSON.parse(await bounded(response)) as unknown;
      } catch (error) {
        throw away(`does not answer: ${signal.aborted ? 'it took too long' : messageOf(error)}`, error);
      }
      if (status === 401 || status === 403)
        throw away(`refuses the token that "sites" has of it (${status})`);
      if (status >= 200 && status < 300) return answer;
      throw faultOf(name, answer, status);
    },
  };
}

function headersOf(payload: string | undefined): OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    ...(payload !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(payload),
    }),
  };
}

function answerTo(
  request: ClientRequest,
  payload: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const stop = (): void => void request.destroy(new Error('it took too long'));
    signal.addEventListener('abort', stop, { once: true });
    request.once('close', () => signal.removeEventListener('abort', stop));
    request.once('response', resolve).once('error', reject).end(payload);
  });
}

async function bounded(response: IncomingMessage): Promise<string> {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) response.destroy(new Error(`it sends more than ${MOST_BYTES} bytes`));
  });
  return text(response);
}

/** What it refuses it refuses for a reason of its own. */
function faultOf(site: string, answer: unknown, status: number): WavspoolError {
  const { error = `it answered ${status}`, code = 'UNKNOWN' } = (answer ?? {}) as {
    error?: string;
    code?: string;
  };
  return new WavspoolError(code in FAULTS ? (code as FaultCode) : 'UNKNOWN', `site ${site}: ${error}`);
}
