import { asApiError } from '../api.ts';
import { visible } from '../format.ts';
import { toast } from './toast.ts';

/** What became of something; one that went wrong says so. */
export type Outcome = string | { readonly text: string; readonly tone: 'good' | 'warn' | 'bad' };

/** Does something that was asked for and says what became of it. */
export async function doing<T>(
  what: string,
  act: () => Promise<T>,
  told?: (result: T) => Outcome,
): Promise<void> {
  try {
    const result = await act();
    const outcome = told === undefined ? `${what}: done` : told(result);
    if (typeof outcome === 'string') toast(visible(outcome));
    else toast(visible(outcome.text), outcome.tone);
  } catch (error) {
    const { message, remedy } = asApiError(error);
    toast(visible(`${what}: ${message} ${remedy}`), 'bad');
  }
}
