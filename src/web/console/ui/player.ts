import { useEffect, useState } from 'preact/hooks';
import { ApiError, asApiError } from '../api.ts';
import { size } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { placed } from '../prefix.ts';
import { decoded, isDecodable, isPcm } from '../sound/decode.ts';
import { Button, Trouble } from './basics.ts';

/** Plays a recording: PCM as it is, by ranges; G.711 and GSM 6.10 decoded in the browser. */
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
  if (!isDecodable(codec, bytes))
    return html`<p class="quiet">
      A browser cannot play ${codec ?? 'this'}${codec === undefined ? '' : ` of ${size(bytes)}`}. Download it
      to listen.
    </p>`;
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
      const wav = await decoded(new Uint8Array(await response.arrayBuffer()), turn);
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

/** Keys, clicks and drawing have their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}
