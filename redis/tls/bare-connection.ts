import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { TlsMaterial } from './pem-files.ts';
import { provesTls } from './tls-trouble.ts';

/** Where a server listens. `tls`: it is spoken to with TLS; absent means in plain text. */
export type ServerPort = { readonly host: string; readonly port: number; readonly tls?: TlsMaterial };

/** Begins a connection. The event `connect`, or `secureConnect` with TLS, says that it is open. */
export function openSocket({ host, port, tls }: ServerPort, more: ConnectionOptions = {}): Socket {
  if (!tls) return connectTcp({ host, port });
  // TLS takes only a host name as server name, not an IP address.
  const servername = tls.servername ?? (isIP(host) ? undefined : host);
  return connectTls({ host, port, ...tls, ...(servername !== undefined && { servername }), ...more });
}

/** Longest wait for the first sign of a server, ms. */
const WITHIN_MS = 2_000;
/** TLS 1.3 refuses our certificate only after the handshake. We wait that long for it, ms. */
const REFUSAL_MS = 500;

/**
 * How a handshake ended: with an error, or `open`; `refused` = the server closed the connection right after it;
 * `closed` = in the middle of it, without a word; `silent` for two seconds.
 */
type HandshakeEnd = Error | 'open' | 'refused' | 'closed' | 'silent';

/**
 * Tries a TLS handshake and sends nothing. A server that refuses us may close the connection while our first command is
 * on its way, and then the system forgets why. Here its last message always arrives.
 */
export function tryHandshake(port: ServerPort, more: ConnectionOptions = {}): Promise<HandshakeEnd> {
  return new Promise((resolve) => {
    const socket = openSocket({ ...port, tls: port.tls ?? {} }, more);
    let timer = setTimeout(() => end('silent'), WITHIN_MS);
    const end = (how: HandshakeEnd) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    socket.on('error', end);
    let closed: HandshakeEnd = 'closed';
    socket.once('close', () => end(closed));
    // Without a reader the refusal would not be seen.
    socket.resume();
    socket.once('secureConnect', () => {
      closed = 'refused';
      clearTimeout(timer);
      timer = setTimeout(() => end('open'), REFUSAL_MS);
    });
  });
}

/** Sends some bytes in plain text and returns the first that come back; `null` = none came within two seconds. */
export function firstAnswer({ host, port }: ServerPort, sent: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port }, () => socket.write(sent));
    const end = (answer: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), WITHIN_MS);
    socket.once('data', (data) => end(data.toString('latin1')));
    socket.on('error', () => end(null));
    socket.once('close', () => end(null));
  });
}

/** Returns whether a port speaks TLS, whatever its certificate. Nothing is sent, so it does not matter whose port it is. */
export async function speaksTls({ host, port }: ServerPort, more: ConnectionOptions = {}): Promise<boolean> {
  const end = await tryHandshake({ host, port }, more);
  return end === 'open' || end === 'refused' || provesTls(end);
}
