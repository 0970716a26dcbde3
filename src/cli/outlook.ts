/** What happens next to what has failed, after `retryCount` retries. */
export function outlook(retryCount: number, maxRetries: number): string {
  return retryCount < maxRetries
    ? `retries automatically (${retryCount + 1} of ${maxRetries})`
    : 'needs attention';
}
