import { asApiError } from '../api.ts';
import { visible } from '../format.ts';
import { toast } from './toast.ts';

/** Does something that was asked for and says what became of it; undefined when it failed. */
export async function doing<T>(
  what: string,
  act: () => Promise<T>,
  told?: (result: T) => string,
): Promise<void> {
  try {
    const result = await act();
    toast(told === undefined ? `${what}: done` : told(result));
  } catch (error) {
    const { message, remedy } = asApiError(error);
    toast(visible(`${what}: ${message} ${remedy}`), 'bad');
  }
}
