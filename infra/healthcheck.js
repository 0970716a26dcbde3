// The health check of a container: asks the dashboard how the role is. Exit code 0 when it is well, 1 when it is not
// or nobody answers; what it prints is what "docker inspect" shows.
//
//   node infra/healthcheck.js ROLE          the dashboard's address: WAVSPOOL_HEALTH_URL, else http://127.0.0.1:3000

const DEADLINE_MS = 5_000;

const [role] = process.argv.slice(2);
const address = new URL('/healthz', process.env['WAVSPOOL_HEALTH_URL'] ?? 'http://127.0.0.1:3000');
if (role !== undefined) address.searchParams.set('role', role);

try {
  const response = await fetch(address, { signal: AbortSignal.timeout(DEADLINE_MS) });
  console.log((await response.text()).trim());
  process.exitCode = response.status === 200 ? 0 : 1;
} catch (error) {
  console.log(`the dashboard at ${address.host} does not answer: ${causeOf(error)}`);
  process.exitCode = 1;
}

/**
 * fetch hides the reason ("ECONNREFUSED") behind "fetch failed".
 * @param {unknown} error
 * @returns {string}
 */
function causeOf(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
