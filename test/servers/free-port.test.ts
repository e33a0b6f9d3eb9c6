import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from '../../servers/free-port.ts';

/** The state, in /proc/net/tcp, of a connection that this end has closed. */
const TIME_WAIT = '06';

it.skipIf(!existsSync('/proc/net/tcp'))(
  'a port is kept from whoever asks for any, and is there for who asks for it',
  async () => {
    const port = await freePort();
    const local = port.toString(16).toUpperCase().padStart(4, '0');
    const states = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, address = '']) => address.endsWith(`:${local}`))
      .map(([, , , state]) => state);
    expect(states).toEqual([TIME_WAIT]);

    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  },
);
