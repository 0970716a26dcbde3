import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, createServer } from 'node:http';
import { portOf } from './ports.ts';

/** What the server does with a request, once it has read it whole unless told otherwise. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: string;
      readonly headers?: OutgoingHttpHeaders;
    }
  /** Never an answer. */
  | { readonly kind: 'hang' }
  /** The connection ends after the first bytes of the request's body. */
  | { readonly kind: 'reset in the request' }
  /** The connection ends instead of an answer. */
  | { readonly kind: 'reset before the answer' }
  /** The head of an answer and half of its body, then the connection ends. */
  | { readonly kind: 'reset in the answer'; readonly body: string }
  /** Bytes that are not HTTP. */
  | { readonly kind: 'garbage' };

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
}

/** An HTTP server that answers as S3 servers do on a bad day. */
export interface FaultServer extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request so far; one with a fault in its body is there too. */
  readonly seen: readonly SeenRequest[];
  /** What to do from now on; a function decides per request. */
  behave(fault: Fault | ((request: SeenRequest) => Fault)): void;
}

const hangs = (): Fault => ({ kind: 'hang' });

/** Starts the server on a free port of loopback. It hangs until it is told how to behave. */
export async function startFaultServer(): Promise<FaultServer> {
  const seen: SeenRequest[] = [];
  let decide: (request: SeenRequest) => Fault = hangs;
  const server = createServer((request, response) => {
    const { method = '', url: target = '', headers } = request;
    const arrived = { method, target, headers, bytes: 0 };
    const early = decide(arrived);
    if (early.kind === 'reset in the request') {
      seen.push(arrived);
      request.once('data', () => request.socket.destroy());
      return;
    }
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      seen.push({ ...arrived, bytes });
      act(early, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${portOf(server)}`,
    seen,
    behave: (fault) => {
      decide = typeof fault === 'function' ? fault : () => fault;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What an S3 request is for. */
export type Operation = 'object' | 'list' | 'create' | 'part' | 'complete' | 'abort';

export function operationOf({ method, target }: SeenRequest): Operation {
  const query = new URL(target, 'http://any').searchParams;
  if (query.has('uploads')) return 'create';
  if (query.has('partNumber')) return 'part';
  if (query.has('uploadId')) return method === 'POST' ? 'complete' : 'abort';
  return query.has('list-type') ? 'list' : 'object';
}

/** An answer of S3's with an error document. */
export function s3Error(status: number, code: string, headers: OutgoingHttpHeaders = {}): Fault {
  const body =
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<Error><Code>${code}</Code><Message>the message</Message><RequestId>REQ1</RequestId></Error>`;
  return { kind: 'answer', status, body, headers: { 'content-type': 'application/xml', ...headers } };
}

/** A page such as proxies and login portals answer with. */
export function page(status: number, title: string): Fault {
  const body = `<html><head><title>${title}</title></head><body><h1>${title}</h1><hr></body></html>`;
  return { kind: 'answer', status, body, headers: { 'content-type': 'text/html' } };
}

function act(fault: Fault, response: ServerResponse): void {
  switch (fault.kind) {
    case 'hang':
      return;
    case 'reset in the request':
    case 'reset before the answer':
      response.socket?.destroy();
      return;
    case 'garbage':
      response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n');
      return;
    case 'reset in the answer':
      response.writeHead(200, { etag: '"e"', 'content-length': Buffer.byteLength(fault.body) });
      response.write(fault.body.slice(0, fault.body.length / 2), () => response.socket?.destroy());
      return;
    case 'answer': {
      const body = fault.body ?? '';
      response.writeHead(fault.status, { 'content-length': Buffer.byteLength(body), ...fault.headers });
      response.end(body);
    }
  }
}
