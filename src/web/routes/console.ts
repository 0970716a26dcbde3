import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { buildConsole, type ConsoleAssets } from '../assets/console-assets.ts';
import type { Context } from '../context.ts';
import { refuse } from '../replies.ts';
import { SCREENS } from '../screens.ts';

const named = z.object({ version: z.string(), '*': z.string() });

/**
 * The console: one page for every screen, and the files that it consists of, which are made once, when a browser asks for one: that takes a
 * quarter of a second, and most roles that start are never looked at before they end.
 */
export function consolePages(server: FastifyInstance, { settings, prefix }: Context): void {
  let built: Promise<ConsoleAssets> | undefined;
  const assets = (): Promise<ConsoleAssets> => {
    built ??= buildConsole(prefix).catch((error: unknown) => {
      built = undefined; // a source that could not be read may be there next time
      throw error;
    });
    return built;
  };
  const page = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const console = await assets();
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', console.policy)
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'same-origin')
      .header('x-content-type-options', 'nosniff')
      .send(
        console.page({
          site: settings.site,
          prefix,
          timezone: settings.timezone,
          incoming: settings.paths.incoming,
          extracted: settings.paths.extracted,
          may: request.who?.may ?? 'look',
        }),
      );
  };
  for (const screen of SCREENS) server.get(screen, page);

  server.get('/assets/:version/*', async (request, reply) => {
    const { version, '*': name } = named.parse(request.params);
    const accepted = (request.headers['accept-encoding'] ?? '')
      .split(',')
      .map((one) => one.split(';', 1)[0]?.trim() ?? '');
    const asset = await (await assets()).file(version, name, accepted);
    if (asset === undefined) {
      return refuse(reply, 404, {
        error: 'there is no such file of the console, or it is of another version',
        code: 'USAGE',
        remedy: 'load the page again',
      });
    }
    return reply
      .type(asset.type)
      .header('cache-control', 'private, max-age=31536000, immutable')
      .header('vary', 'accept-encoding')
      .header('x-content-type-options', 'nosniff')
      .headers(asset.encoding === undefined ? {} : { 'content-encoding': asset.encoding })
      .send(asset.body);
  });
}
