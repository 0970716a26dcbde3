import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A reverse proxy that serves one path of its host, and nothing beside it. */
export interface PathProxy extends AsyncDisposable {
  /** With the path, without a slash at its end. */
  readonly address: string;
}

/** Passes what lies below `path` on to `target`, path and all, and answers everything else with 404. */
export async function startPathProxy(target: string, path: string): Promise<PathProxy> {
  const { hostname, port } = new URL(target);
  const server = createServer((asked, answer) => {
    if (asked.url !== path && asked.url?.startsWith(`${path}/`) !== true) {
      answer.writeHead(404).end('another program has this address');
      return;
    }
    const { method, url, headers } = asked;
    const passed = request({ hostname, port, method, path: url, headers }, (told) => {
      answer.writeHead(told.statusCode ?? 502, told.headers);
      answer.flushHeaders();
      told.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${own}${path}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
