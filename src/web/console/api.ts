import { signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ownPath, placed } from './prefix.ts';

/** What the API refused, with what helps. */
export class ApiError extends Error {
  readonly remedy: string;
  readonly status: number;

  constructor(message: string, remedy: string, status: number) {
    super(message);
    this.remedy = remedy;
    this.status = status;
  }
}

/** Asks the server. Who is not logged in any more is led to the login, and back. Throws ApiError. */
export async function ask<T>(path: string, options?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(placed(path), options);
  } catch (error) {
    if (error instanceof DOMException) throw error; // the asker has gone
    throw new ApiError('The server does not answer.', 'It is tried again by itself.', 0);
  }
  if (response.status === 401) {
    const next = ownPath(location.pathname) + location.search;
    location.assign(placed(`/login?next=${encodeURIComponent(next)}`));
  }
  const answer: unknown = await response.json();
  if (response.ok) return answer as T;
  const { error = response.statusText, remedy = '' } = answer as { error?: string; remedy?: string };
  throw new ApiError(error, remedy, response.status);
}

/** Asks for a change. Throws ApiError. */
export function post<T>(path: string, body: object = {}): Promise<T> {
  return ask<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** What was asked for: the last answer stays until the next is there. */
export interface Asked<T> {
  readonly value: T | undefined;
  readonly error: ApiError | undefined;
  readonly isLoading: boolean;
}

/** The answer to a GET, asked anew when the path changes and when `again` does. */
export function useAnswer<T>(path: string | undefined, again?: unknown): Signal<Asked<T>> {
  const address = path === undefined ? undefined : placed(path); // another one for another site
  const answer = useMemo(
    () => signal<Asked<T>>({ value: undefined, error: undefined, isLoading: true }),
    [address],
  );
  useEffect(() => {
    if (path === undefined) return undefined;
    const gone = new AbortController();
    answer.value = { ...answer.value, isLoading: true };
    const look = async (): Promise<void> => {
      try {
        const value = await ask<T>(path, { signal: gone.signal });
        answer.value = { value, error: undefined, isLoading: false };
      } catch (error) {
        if (!gone.signal.aborted)
          answer.value = { value: answer.value.value, error: asApiError(error), isLoading: false };
      }
    };
    void look();
    return () => gone.abort();
  }, [address, again]);
  return answer;
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(String(error), '', 0);
}
