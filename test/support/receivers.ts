import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { portOf } from './ports.ts';

/** What an alert receiver got. */
export interface Got {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** An HTTP server on `port` that takes what is posted to it; it answers what `answers` says, 200 without. */
export async function startWebhook(
  port = 0,
  answers: () => { status: number; location?: string } | 'nothing' = () => ({ status: 200 }),
): Promise<AsyncDisposable & { readonly got: readonly Got[]; readonly port: number }> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      const answer = answers();
      if (answer === 'nothing') return;
      response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location });
      response.end();
    });
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    got,
    port: portOf(server),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A letter as an SMTP server took it. */
export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  /** Head and body as they came. */
  readonly text: string;
}

/** A mail server on `port` that keeps each letter; it refuses the addresses for which `refuses` says so. */
export async function startMailServer(
  port = 0,
  refuses: (address: string) => boolean = () => false,
): Promise<AsyncDisposable & { readonly letters: readonly Letter[]; readonly port: number }> {
  const letters: Letter[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    converse(socket, letters, refuses);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    letters,
    port: portOf(server),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function converse(socket: Socket, letters: Letter[], refuses: (address: string) => boolean): void {
  let buffered = '';
  let from = '';
  let to: string[] = [];
  let data: string[] | undefined;
  const answer = (line: string): void => void socket.write(`${line}\r\n`);
  const command = (line: string): void => {
    const address = /<(.*)>/.exec(line)?.[1] ?? '';
    const verb = line.split(/[ :]/)[0]?.toUpperCase();
    if (verb === 'EHLO' || verb === 'HELO') answer('250 sink');
    else if (verb === 'MAIL') {
      from = address;
      to = [];
      answer('250 ok');
    } else if (verb === 'RCPT' && refuses(address)) answer('550 no such user');
    else if (verb === 'RCPT') {
      to.push(address);
      answer('250 ok');
    } else if (verb === 'DATA') {
      data = [];
      answer('354 go on');
    } else if (verb === 'QUIT') socket.end('221 bye\r\n');
    else answer('250 ok');
  };
  answer('220 sink');
  socket.on('data', (chunk) => {
    buffered += chunk.toString('utf8');
    const lines = buffered.split('\r\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) {
      if (data === undefined) command(line);
      else if (line === '.') {
        letters.push({ from, to, text: data.join('\n') });
        data = undefined;
        answer('250 taken');
      } else data.push(line.replace(/^\./, ''));
    }
  });
}
