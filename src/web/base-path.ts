// Where the console lies for who asks for it, when it shares a host with others: `http.basePath`.

/** What stands before each of our addresses: nothing, or `/wavspool`. */
export function prefixOf(basePath: string): string {
  return basePath.replace(/\/+$/, '');
}

/**
 * An address as our routes know it. A proxy may pass the prefix or take it away, and who asks the port itself knows none: both are
 * answered.
 */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : url;
}
