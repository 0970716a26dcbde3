import type { Page } from 'playwright-core';

/** What of an audio element is asked for. */
interface Sound {
  preload: string;
  readonly readyState: number;
  readonly duration: number;
  readonly error: { readonly message: string } | null;
  load(): void;
  addEventListener(name: string, listener: (event: unknown) => void, options: { once: true }): void;
}

/** How long the browser finds the sound to be: it has decoded it. */
export async function seconds(from: Page): Promise<number> {
  return from.locator('audio').evaluate(async (element) => {
    const audio = element as unknown as Sound;
    audio.load();
    if (audio.readyState < 1)
      await new Promise((resolve, reject) => {
        audio.addEventListener('loadedmetadata', resolve, { once: true });
        audio.addEventListener('error', () => reject(new Error(audio.error?.message)), { once: true });
        audio.preload = 'metadata';
      });
    return audio.duration;
  });
}
