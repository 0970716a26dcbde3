import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './ports.ts';

/**
 * A TCP proxy that keeps requests back, and lets them on later: what was sent before its sender stood still, or died, arrives all the same.
 */
export interface HoldingProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on whatever comes on a connection from such a request on waits. */
  hold(request: RegExp): void;
  /** Connections that wait, and the bytes that wait on them. */
  readonly held: () => number;
  readonly heldBytes: () => number;
  /** Lets everything on; resolves once the server has answered what was held. */
  release(): Promise<void>;
  /** What was held never arrives, and nothing more is held. */
  drop(): void;
}

interface Held {
  readonly bytes: () => number;
  letOn(): Promise<void>;
  drop(): void;
}

/** Whether something comes on it, or it closes before. */
function answers(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}

/** Starts the proxy on a free port of loopback. */
export async function startHoldingProxy(upstream: { host: string; port: number }): Promise<HoldingProxy> {
  let request: RegExp | undefined;
  let held: Held[] = [];
  const server = createServer((client) => {
    const waiting: Buffer[] = [];
    let holds = false;
    const open = (): Socket => {
      const socket = connect(upstream);
      socket.on('data', (bytes) => client.write(bytes));
      socket.on('error', () => socket.destroy());
      // a server closes a connection on which nothing has come for seconds
      socket.on('close', () => holds || client.destroy());
      return socket;
    };
    let up = open();
    const keepBack: Held = {
      bytes: () => waiting.reduce((sum, { length }) => sum + length, 0),
      letOn: async () => {
        holds = false;
        // a server that closes the idle connection meanwhile has not read it: it is sent anew
        for (let isAnswered = false; !isAnswered;) {
          if (up.destroyed) up = open();
          up.write(Buffer.concat(waiting));
          isAnswered = await answers(up);
        }
        if (client.destroyed) up.destroy();
      },
      drop: () => {
        up.destroy();
        client.destroy();
      },
    };
    client.on('data', (bytes: Buffer) => {
      if (!holds && request?.test(bytes.toString('latin1'))) {
        holds = true;
        held.push(keepBack);
      }
      if (holds) waiting.push(bytes);
      else up.write(bytes);
    });
    client.on('error', () => client.destroy());
    client.on('close', () => holds || up.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    hold: (next) => (request = next),
    held: () => held.length,
    heldBytes: () => held.reduce((sum, one) => sum + one.bytes(), 0),
    release: async () => {
      request = undefined;
      const all = held;
      held = [];
      await Promise.all(all.map((one) => one.letOn()));
    },
    drop: () => {
      request = undefined;
      for (const one of held) one.drop();
      held = [];
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
