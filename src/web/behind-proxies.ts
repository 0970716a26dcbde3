/**
 * What the server is told of the proxies before it. Without them every client has the proxy's address: one who guesses tokens makes all
 * of them wait, and the log names none of them. Such a header from any other address is not believed.
 */
export function behindProxies(trusted: readonly string[]): { readonly trustProxy?: string[] } {
  return trusted.length === 0 ? {} : { trustProxy: [...trusted] };
}
