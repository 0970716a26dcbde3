import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import { type Readable, type Transform, pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { HttpRequest, HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import { http } from '../runtime/index.ts';

type Options = Parameters<NodeHttpHandler['handle']>[1];
type Answered = Promise<{ readonly response: HttpResponse }>;

/** Sends requests of the S3 client, and is what it wants for its `requestHandler`. */
export interface RequestHandler {
  handle(request: HttpRequest, options?: Options): Answered;
  /** As handle, on a connection of its own that is closed afterwards. */
  handleOnce(request: HttpRequest, options?: Options): Answered;
  destroy(): void;
}

export interface RequestHandlerOptions {
  /** Certificate authorities beside those that Node knows; see {@link certificateAuthorities}. */
  readonly ca: string[] | undefined;
  readonly maxSockets: number;
  readonly connectMs: number;
  readonly requestMs: number;
  readonly silenceMs: number;
}

/**
 * Node's HTTP client with what servers and proxies do in the field: a kept connection that the server has closed, or on which a
 * 408 for idleness lies, is no failure of the request, so the request is sent once more at once on a new one; and an error document that
 * is compressed although the request did not ask for it is unpacked.
 */
export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { ca, maxSockets, connectMs, requestMs, silenceMs } = options;
  const made = (agent: AgentOptions): NodeHttpHandler =>
    new NodeHttpHandler({
      httpAgent: new http.Agent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ...(ca !== undefined && { ca }) }),
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    });
  const kept = made({ keepAlive: true, maxSockets });
  const fresh = made({ keepAlive: false });
  const once = async (request: HttpRequest, sent?: Options): Answered =>
    unpacked(await fresh.handle(request, sent));
  return {
    handle: async (request, sent) => {
      try {
        const answer = await kept.handle(request, sent);
        if (answer.response.statusCode !== 408 || !isRepeatable(request)) return unpacked(answer);
        answer.response.body?.destroy?.();
      } catch (error) {
        if (!isLost(error) || !isRepeatable(request)) throw error;
      }
      return once(request, sent);
    },
    handleOnce: once,
    destroy: () => {
      kept.destroy();
      fresh.destroy();
    },
  };
}

/** Whether a connection ended before it had said anything of the request. */
export function isLost(error: unknown): boolean {
  const code = errnoOf(error) ?? '';
  if (['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'UND_ERR_SOCKET'].includes(code)) return true;
  return messageOf(error) === 'socket hang up';
}

/** A body that can be sent again, and a request that may be: a POST begins or ends an upload in parts. */
function isRepeatable({ method, body }: HttpRequest): boolean {
  return method !== 'POST' && (body === undefined || typeof body === 'string' || body instanceof Uint8Array);
}

/** An error document as S3 has written it; what an object's own bytes are packed with is their owner's. */
function unpacked(answer: Awaited<Answered>): Awaited<Answered> {
  const { response } = answer;
  const unpack = unpackerFor(response.statusCode, response.headers['content-encoding']);
  const packed: Readable | undefined = response.body;
  if (unpack === undefined || packed === undefined) return answer;
  response.body = pipeline(packed, unpack, () => undefined); // what reads it meets its error
  return answer;
}

/** For an error that was compressed unasked; undefined where nothing is to be unpacked. */
export function unpackerFor(status: number, encoding: string | undefined): Transform | undefined {
  if (status < 300 || encoding === undefined) return undefined;
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip();
  if (encoding === 'br') return createBrotliDecompress();
  return encoding === 'deflate' ? createInflate() : undefined;
}
