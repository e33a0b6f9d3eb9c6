import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/**
 * A free port of 127.0.0.1 that nobody is given for the next minute: one connection to it, ended from our end first,
 * leaves it in TIME_WAIT, and a system gives such a port only to who asks for it by number. Without that the Temporal
 * server sometimes chose it for a service of its own, answered, and died. Others may ask by number too: be ready to
 * come again.
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
