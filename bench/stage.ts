import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { type BenchProcess, type Program, startBenchProcess } from './bench-process.ts';
import { connectTo } from './connection.ts';
import type { Seed, Seeds } from './data-set.ts';
import { cpuMs } from './usage.ts';

export type StagedServer = { readonly server: RedisServer; readonly redis: Redis };

/** The servers and processes of one run. They are new for each run, and `close` ends all of them. */
export class Stage {
  readonly #folder: string;
  readonly #seeds: Seeds;
  readonly #ends: (() => void | Promise<void>)[] = [];
  readonly profile: boolean;

  constructor(folder: string, seeds: Seeds, profile: boolean) {
    this.#folder = folder;
    this.#seeds = seeds;
    this.profile = profile;
  }

  /** Path of a file or folder of this run. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  async server(name: string, seed: Seed | null): Promise<StagedServer> {
    const dir = this.path(name);
    if (seed) await this.#seeds.placeInto(dir, seed);
    const server = await startRedis({ dir });
    this.#ends.push(() => server.stop());
    const redis = await connectTo(server.url());
    this.#ends.push(() => redis.disconnect());
    return { server, redis };
  }

  /** Starts a source and a target. */
  async pair(source: Seed, target: Seed | null): Promise<{ source: StagedServer; target: StagedServer }> {
    return { source: await this.server('source', source), target: await this.server('target', target) };
  }

  process<Input, Said, Result>(
    program: Program,
    nodeOptions: readonly string[] = [],
  ): BenchProcess<Input, Said, Result> {
    const started = startBenchProcess<Input, Said, Result>(program, nodeOptions);
    this.#ends.push(() => started.kill());
    return started;
  }

  onClose(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await Promise.resolve(end()).catch(() => undefined);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** CPU time that the servers have used together so far, ms. */
export function cpuOfServers(...servers: readonly StagedServer[]): number {
  return servers.reduce((sum, { server }) => sum + cpuMs(server.pid), 0);
}
