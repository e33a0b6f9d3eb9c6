import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { FaultyPipe, type Passage } from './faulty-pipe.ts';

export type Fault =
  | { readonly kind: 'none' }
  /** Resets the connections that stand, and those that come. */
  | { readonly kind: 'cut' }
  /** Holds all bytes and loses none. `black hole`: in both directions. `half open`: only what `deaf` should receive. */
  | { readonly kind: 'black hole' }
  | { readonly kind: 'half open'; readonly deaf: 'server' | 'client' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Resets the connection after this many bytes to `to`, in the middle of a request or a reply. */
  | { readonly kind: 'cut after'; readonly bytes: number; readonly to: 'server' | 'client' };

type Line = {
  /** The name that the client has set by CLIENT SETNAME. */
  name: string;
  readonly toServer: FaultyPipe;
  readonly toClient: FaultyPipe;
  reset(): void;
};

export interface FaultProxy {
  readonly port: number;
  /** Puts the fault on all connections that stand or come. `only` limits it to clients whose name matches. */
  set(fault: Fault, only?: RegExp): void;
  /**
   * Holds what the matching connections send to the server, until `release`. It does not hold connections that come
   * later.
   */
  hold(only: RegExp): { release(): void };
  /** The connections that stand now. */
  lines(): readonly { readonly name: string }[];
  stop(): Promise<void>;
}

/**
 * Starts a proxy in front of a server. It disturbs the connections as it is told. When a fault ends, the bytes that it
 * held go on.
 */
export async function startFaultProxy(serverPort: number): Promise<FaultProxy> {
  const lines = new Set<Line>();
  let standing: { fault: Fault; only: RegExp | null } = { fault: { kind: 'none' }, only: null };
  const put = (line: Line) => {
    const { fault, only } = standing;
    apply(line, only === null || only.test(line.name) ? fault : { kind: 'none' });
  };
  const server = createServer({ noDelay: true }, (client) => {
    if (standing.fault.kind === 'cut' && standing.only === null) return void client.resetAndDestroy();
    const line = splice(client, connect({ port: serverPort, host: '127.0.0.1', noDelay: true }), {
      named: put,
      gone: (one) => lines.delete(one),
    });
    lines.add(line);
    put(line);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    set: (fault, only) => {
      standing = { fault, only: only ?? null };
      for (const line of [...lines]) put(line);
    },
    hold: (only) => {
      const held = [...lines].filter(({ name }) => only.test(name));
      for (const { toServer } of held) toServer.set({ kind: 'hold' });
      return {
        release: () => {
          for (const { toServer } of held) toServer.set({ kind: 'pass' });
        },
      };
    },
    lines: () => [...lines],
    stop: () => {
      for (const line of lines) line.reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

type Events = { named(line: Line): void; gone(line: Line): void };

function splice(client: Socket, server: Socket, { named, gone }: Events): Line {
  const reset = () => {
    line.toServer.close();
    line.toClient.close();
    client.resetAndDestroy();
    server.resetAndDestroy();
    gone(line);
  };
  const line: Line = {
    name: '',
    toServer: new FaultyPipe(client, server, reset),
    toClient: new FaultyPipe(server, client, reset),
    reset,
  };
  client.on('data', (bytes) => {
    line.toServer.push(bytes);
    const name = /\r\nSETNAME\r\n\$\d+\r\n(.+?)\r\n/i.exec(bytes.toString('latin1'))?.[1];
    if (name === undefined) return;
    line.name = name;
    named(line);
  });
  server.on('data', (bytes) => line.toClient.push(bytes));
  // A request that was held still arrives after its client has gone. This is the late write of a process that was
  // stopped.
  client.on('end', () => line.toServer.end());
  server.on('end', () => line.toClient.end());
  for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  server.on('close', () => {
    client.destroy();
    gone(line);
  });
  client.on('close', () => line.toServer.end());
  return line;
}

function apply({ toServer, toClient, reset }: Line, fault: Fault): void {
  if (fault.kind === 'cut') return reset();
  toServer.set(passageOf(fault, 'server'));
  toClient.set(passageOf(fault, 'client'));
}

function passageOf(fault: Fault, to: 'server' | 'client'): Passage {
  if (fault.kind === 'black hole') return { kind: 'hold' };
  if (fault.kind === 'half open' && fault.deaf === to) return { kind: 'hold' };
  if (fault.kind === 'slow') return { kind: 'slow', bytesPerSecond: fault.bytesPerSecond };
  if (fault.kind === 'delay') return { kind: 'late', ms: fault.ms };
  if (fault.kind === 'cut after' && fault.to === to) return { kind: 'until', bytes: fault.bytes };
  return { kind: 'pass' };
}

/** Starts a proxy for one test file and stops it after the tests. It calls `port()` when the server runs. */
export function withFaultProxy(port: () => number): { readonly proxy: FaultProxy } {
  let running: FaultProxy | undefined;
  beforeAll(async () => {
    running = await startFaultProxy(port());
  });
  afterAll(() => running?.stop());
  return {
    get proxy() {
      if (!running) throw new Error('the proxy runs only while tests run');
      return running;
    },
  };
}
