import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyReply } from 'fastify';

interface Page {
  /** Sends the page, its text changed by `fill`, with a policy that runs nothing but what stands in it. */
  send(reply: FastifyReply, fill?: (html: string) => string): FastifyReply;
}

/** Reads a page of ours; its one style and its one script, if any, are in it. */
export function loadPage(name: 'overview.html' | 'login.html'): Page {
  const html = readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
  const policy = [
    "default-src 'none'",
    `script-src ${hashesOf(html, 'script')}`,
    `style-src ${hashesOf(html, 'style')}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
  return {
    send: (reply, fill = (text) => text) =>
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', policy)
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'same-origin')
        .header('x-content-type-options', 'nosniff')
        .send(fill(html)),
  };
}

function hashesOf(html: string, tag: 'script' | 'style'): string {
  const bodies = [...html.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g'))].map(
    ([, body = '']) => body,
  );
  if (bodies.length === 0) return "'none'";
  return bodies.map((body) => `'sha256-${createHash('sha256').update(body).digest('base64')}'`).join(' ');
}
