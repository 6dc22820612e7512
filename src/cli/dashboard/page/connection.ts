// The stream of pushes from the server. The browser connects again by itself; where the server has
// refused it, it is asked again a while later.

import type { Push } from '../wire.js';

export type ConnectionState = 'connecting' | 'live' | 'lost';

const ASK_AGAIN_MS = 3_000;

export function connect(take: (push: Push) => void, tell: (state: ConnectionState) => void): void {
  const source = new EventSource('/events');
  source.onmessage = ({ data }: MessageEvent<string>) => {
    tell('live');
    take(JSON.parse(data) as Push);
  };
  source.onerror = () => {
    tell('lost');
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => connect(take, tell), ASK_AGAIN_MS);
  };
}
