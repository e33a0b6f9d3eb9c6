import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/**
 * Finds a free port of 127.0.0.1 and protects it for about a minute. We connect to the port once, and our end closes
 * the connection first. That leaves the port in the state TIME_WAIT, in which the system gives it only to a process
 * that asks for it by number. Without this the Temporal server sometimes took the port for another service of its own,
 * answered there, and died. Other processes may ask for it by number too, so be ready to try again.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer((visitor) => visitor.end());
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const visitor = connect(port, HOST);
      visitor.once('error', reject);
      visitor.once('close', () => server.close(() => resolve(port)));
      visitor.resume();
    });
  });
}
