// Which Host headers name this server. A page in a browser may bind its own name to 127.0.0.1 (DNS
// rebinding) and would then be allowed to read what stands there; its requests still carry its
// name.
import { isIPv6 } from 'node:net';

/** What a page of someone else's cannot be called. */
const LOCAL_NAMES: readonly string[] = Object.freeze(['localhost', '127.0.0.1', '[::1]']);

interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Whether the Host headers of a request are one, of this machine: `localhost`, `127.0.0.1`, `[::1]`
 * or the address that is listened on, in upper or lower case, with the port of the server or none.
 * A request without the header is refused as well, and so is `localhost.`, which a resolver may ask
 * others for: only what is known to be ours is answered.
 */
export function namesServer(hosts: readonly string[], { address, port }: BoundAddress): boolean {
  const [host] = hosts;
  if (host === undefined || hosts.length > 1) return false;
  const bound = isIPv6(address) ? `[${address}]` : address;
  const asked = host.toLowerCase();
  return [...LOCAL_NAMES, bound].some((name) => asked === name || asked === `${name}:${port}`);
}
