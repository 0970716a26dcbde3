import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { portOf } from './ports.ts';

/** What the network does from now on. Every change but to `freeze` ends the connections that are open. */
export type Weather =
  | { readonly kind: 'pass' }
  /** Every connection ends as soon as it is made. */
  | { readonly kind: 'refuse' }
  /** Bytes vanish, connections stay: a cable is cut, a firewall forgets. */
  | { readonly kind: 'freeze' }
  /** The connection ends once the client has sent so many bytes: in the middle of a body. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** The connection ends when the client sends these words, such as the key of one recording. */
  | { readonly kind: 'reset on'; readonly words: string }
  /** Somebody else answers, with these bytes, the requests in which the client sends these words. */
  | { readonly kind: 'answer on'; readonly words: string; readonly response: string }
  /** The server gets every request and acts on it; the connection ends before its answer arrives. */
  | { readonly kind: 'lose answers' }
  /** One bit of what the client sends flips, once per connection, after so many bytes. */
  | { readonly kind: 'flip'; readonly afterBytes: number }
  /** Somebody else answers each HTTP request, with these bytes. */
  | { readonly kind: 'answer'; readonly response: string };

/** A TCP proxy before a server, with faults to switch on. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  set(weather: Weather): void;
  /** Connections that were made to it so far. */
  readonly connections: () => number;
}

/** Starts the proxy on a free port of loopback. */
export async function startFaultProxy(upstreamPort: number): Promise<FaultProxy> {
  const open = new Set<Socket>();
  let weather: Weather = { kind: 'pass' };
  let connections = 0;

  const track = (socket: Socket): void => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = createServer((client) => {
    track(client);
    connections += 1;
    const { kind } = weather;
    if (kind === 'refuse') return client.resetAndDestroy();
    if (kind === 'answer') return answerFor(client, weather.response);
    const upstream = connect(upstreamPort, '127.0.0.1');
    track(upstream);
    let sent = 0;
    client.on('data', (bytes: Buffer) => {
      if (weather.kind === 'freeze') return undefined;
      const before = sent;
      sent += bytes.length;
      if (weather.kind === 'reset' && sent > weather.afterBytes) return client.resetAndDestroy();
      if (weather.kind === 'reset on' && bytes.includes(weather.words)) return client.resetAndDestroy();
      if (weather.kind === 'answer on' && bytes.includes(weather.words)) return client.end(weather.response);
      if (weather.kind === 'flip') flipBit(bytes, weather.afterBytes - before);
      return upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (weather.kind === 'lose answers') client.resetAndDestroy();
      else if (weather.kind !== 'freeze') client.write(bytes);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => weather.kind === 'freeze' || client.destroy());
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    connections: () => connections,
    set: (next) => {
      weather = next;
      if (next.kind !== 'freeze') for (const socket of open) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Flips the lowest bit of the byte at `at`, where these bytes have one. */
function flipBit(bytes: Buffer, at: number): void {
  const byte = bytes[at];
  if (byte !== undefined) bytes[at] = byte ^ 1;
}

/** Answers once the request has been read to its end, as a server that closes after each request does. */
function answerFor(client: Socket, response: string): void {
  let received = Buffer.alloc(0);
  client.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    const head = received.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(
      /^content-length: *(\d+)/im.exec(received.subarray(0, head).toString('latin1'))?.[1] ?? 0,
    );
    if (received.length < head + 4 + length) return;
    client.end(response);
  });
}

/** The bytes of an HTTP answer. */
export function httpAnswer(status: number, body: string, contentType = 'application/xml'): string {
  return (
    `HTTP/1.1 ${status} Fault\r\nContent-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
    `Connection: close\r\n\r\n${body}`
  );
}

/** An answer of S3's with an error document. */
export function s3Refusal(status: number, code: string): string {
  return httpAnswer(
    status,
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>the message</Message></Error>`,
  );
}
