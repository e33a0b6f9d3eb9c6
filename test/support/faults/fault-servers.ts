import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { TestContext } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import { type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { claimed } from '../worlds/claimed.ts';
import { type FaultPlace, makePlace, type Ports } from './fault-place.ts';

const SIDES = ['source', 'target'] as const;
/** Pause between two writes of an app, ms. Several places run at once on one machine. */
const REST_MS = 50;

/** A place on two servers of its own. A test may kill a server and start it again on the same port. */
export interface FaultServers {
  readonly place: FaultPlace;
  /** Connections that reconnect when their server is back. */
  readonly sides: Readonly<Record<Side, Redis>>;
  readonly ports: Ports;
  kill(side: Side): Promise<void>;
  restart(side: Side): Promise<void>;
}

/**
 * @param dir folder for the data of both servers
 * @param config settings of both servers
 */
export async function makeServers(
  name: string,
  dir: string,
  config: Readonly<Record<string, string>>,
  context: TestContext,
): Promise<FaultServers> {
  const start = (side: Side, port?: number) =>
    startRedis({ dir: join(dir, `${name}-${side}`), config, ...(port !== undefined && { port }) });
  const servers: Record<Side, RedisServer> = { source: await start('source'), target: await start('target') };
  const ports = { source: servers.source.port, target: servers.target.port };
  const sides = { source: clientOf(ports.source), target: clientOf(ports.target) };
  context.onTestFinished(async () => {
    for (const side of SIDES) {
      sides[side].disconnect();
      await servers[side].stop();
    }
  });
  await claimed(sides.source, sides.target);
  return {
    place: makePlace(name, sides, ports, context, { restMs: REST_MS }),
    sides,
    ports,
    kill: async (side) => {
      servers[side].kill('SIGKILL');
      await servers[side].exited;
    },
    restart: async (side) => {
      servers[side] = await start(side, ports[side]);
    },
  };
}

function clientOf(port: number): Redis {
  const client = new Redis({ port, protocol: 2, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  return client;
}
