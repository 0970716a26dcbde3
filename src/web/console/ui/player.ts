import { useEffect, useState } from 'preact/hooks';
import { ApiError, asApiError } from '../api.ts';
import { size } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { placed } from '../prefix.ts';
import { decodeG711, isG711, isPcm } from '../sound/g711.ts';
import { Button, Trouble } from './basics.ts';

/** A longer one is offered as a download: to decode it would take the browser's memory. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Plays a recording: PCM as it is, by ranges; G.711 decoded in the browser. */
export function Player({
  id,
  codec,
  bytes,
}: {
  id: string;
  codec: string | undefined;
  bytes: number;
}): Shown {
  const address = `/api/recordings/${id}/content`;
  if (isPcm(codec))
    return html`<audio controls preload="none" src=${address} aria-label="Play the recording"></audio>`;
  if (!isG711(codec) || bytes > MOST_BYTES)
    return html`<p class="quiet">A browser cannot play ${codec ?? 'this'}. Download it to listen.</p>`;
  return html`<${Decoded} address=${address} bytes=${bytes} />`;
}

function Decoded({ address, bytes }: { address: string; bytes: number }): Shown {
  const [source, setSource] = useState<string | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  useEffect(() => () => (source === undefined ? undefined : URL.revokeObjectURL(source)), [source]);
  const load = async (): Promise<void> => {
    try {
      const response = await fetch(placed(address));
      if (!response.ok)
        throw new ApiError('The recording could not be fetched.', 'Try again.', response.status);
      const wav = decodeG711(new Uint8Array(await response.arrayBuffer()));
      setSource(URL.createObjectURL(new Blob([wav], { type: 'audio/wav' })));
    } catch (fault) {
      setError(asApiError(fault));
    }
  };
  if (source !== undefined)
    return html`<audio controls autoplay src=${source} aria-label="Play the recording"></audio>`;
  return html`<div>
    ${error !== undefined && html`<${Trouble} error=${error} />`}
    <${Button} kind="primary" onClick=${load}>▶ Play (${size(bytes)})</${Button}>
  </div>`;
}
