import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf, type Side } from '../../../domain/plan/plan.ts';
import type { LinkStatus, Suspect } from '../../../domain/gates/status.ts';
import type { Acceptance } from '../../../domain/protocol/loss-suspicion.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { writeControl } from '../../../redis/state/control.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import type { Reached, FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { type RedisOptions, type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { eventually } from '../eventually.ts';
import { connectTo } from '../servers/redis.ts';
import { dataset, planOf } from './sync-world.ts';
import { makeTempDir } from '../temp-dir.ts';

type Config = NonNullable<RedisOptions['config']>;
const PLAN = planOf([dataset({ name: 'match' })]);
const KEYSPACE = keyspaceOf(PLAN.migration);

/**
 * Two servers that a test may kill, empty and start again at the same address. Its sync begins again whenever an
 * attempt ends, as the activity does.
 */
export class LossyWorld {
  readonly plan = PLAN;
  readonly keyspace = KEYSPACE;
  readonly #dir = makeTempDir();
  readonly #servers = new Map<Side, RedisServer>();
  readonly #clients = new Map<Side, Redis>();
  #status: LinkStatus | undefined;
  #toldAt = 0;
  #stopping = false;
  #attempt = new AbortController();
  #syncing: Promise<void> = Promise.resolve();
  /** Called at each fault point from now on, also in the attempt that runs. */
  reached: Reached = () => undefined;

  async open(configs: Partial<Record<Side, Config>> = {}): Promise<void> {
    for (const side of ['source', 'target'] as const) {
      await this.startServer(side, configs[side] ?? {});
      await writeAuthority(await loadScripts(this.on(side)), { side: 'source', epoch: 1 });
    }
  }

  on(side: Side): Redis {
    const client = this.#clients.get(side);
    if (!client) throw new Error(`no server is the ${side}`);
    return client;
  }

  server(side: Side): RedisServer {
    const server = this.#servers.get(side);
    if (!server) throw new Error(`no server is the ${side}`);
    return server;
  }

  dirOf(side: Side): string {
    return join(this.#dir, side);
  }

  async startServer(side: Side, config: Config = {}, port = this.#servers.get(side)?.port): Promise<void> {
    this.#clients.get(side)?.disconnect();
    const all = { 'enable-debug-command': 'yes', ...config };
    const server = await startRedis({ dir: this.dirOf(side), config: all, ...(port && { port }) });
    this.#servers.set(side, server);
    this.#clients.set(side, await connectTo(server.port));
  }

  async kill(side: Side): Promise<void> {
    this.server(side).kill('SIGKILL');
    await this.server(side).exited;
  }

  sync(): void {
    this.#stopping = false;
    this.#syncing = this.#attempts();
  }

  async #attempts(): Promise<void> {
    const [link] = linksOf(PLAN);
    if (!link) throw new Error('a plan without a link');
    const environment = { SOURCE_V1: this.server('source').url(), TARGET_V2: this.server('target').url() };
    while (!this.#stopping) {
      const attempt = new AbortController();
      this.#attempt = attempt;
      const report = (status: LinkStatus) => {
        this.#status = status;
        this.#toldAt = performance.now();
      };
      const reached = async (step: FaultPoint) => this.reached(step);
      await runSync({ plan: PLAN, link, environment, report, reached }, attempt.signal).catch(
        () => undefined,
      );
      await delay(20);
    }
  }

  /** Ends the attempt that runs. Another one begins. */
  interrupt(): void {
    this.#attempt.abort();
  }

  async stopSync(): Promise<void> {
    this.#stopping = true;
    this.#attempt.abort();
    await this.#syncing;
    this.#status = undefined;
  }

  status(): LinkStatus | undefined {
    return this.#status;
  }

  suspect(side: Side): Suspect | undefined {
    return this.#status?.suspects?.find((one) => one.side === side);
  }

  live(): Promise<unknown> {
    const token = this.#status?.token ?? 0;
    return eventually(
      'the sync to be live, by a status of now',
      () =>
        this.#status?.state === 'live' &&
        this.#status.token >= token &&
        this.#toldAt > performance.now() - 1_500,
    );
  }

  /**
   * Waits until both sides hold a watermark that is newer than everything so far. The sync writes one after each
   * status.
   */
  async marked(): Promise<void> {
    const at = this.#toldAt;
    await eventually('two more seconds in writing', () => this.#toldAt > at + 1_500);
  }

  async suspected(side: Side, keys: number, reason: RegExp): Promise<Suspect> {
    await eventually(`${keys} keys of the ${side} to be held back`, () => {
      const { keys: held = 0, reason: told = 'nothing' } = this.suspect(side) ?? {};
      if (held === keys && reason.test(told)) return true;
      throw new Error(`${held} are, because ${told}`);
    });
    return this.suspect(side) as Suspect;
  }

  /** Writes the decision of an operator, as the activity does. */
  async accept(side: Side, word: Acceptance): Promise<void> {
    const sinces = (this.#status?.suspects ?? [])
      .filter((one) => one.side === side)
      .map(({ since }) => since);
    await writeControl(this.on('target'), KEYSPACE, 'v1', { accept: { [side]: { word, sinces } } });
  }

  believed(side: Side): Promise<unknown> {
    return eventually(`the ${side} to be believed again`, () => this.#status && !this.suspect(side));
  }

  keys(side: Side): Promise<string[]> {
    return this.on(side).keys('match:*');
  }

  async fill(side: Side, count: number, value = 'x'): Promise<void> {
    const pipeline = this.on(side).pipeline();
    for (let i = 0; i < count; i++) pipeline.set(`match:${i}`, value);
    await pipeline.exec();
  }

  /** Resolves when both sides hold this value of the key. */
  agreed(key: string, value: string | null): Promise<unknown> {
    return eventually(`both sides to hold ${key}`, async () => {
      const both = await Promise.all([this.on('source').get(key), this.on('target').get(key)]);
      return both.every((one) => one === value) || Promise.reject(new Error(JSON.stringify(both)));
    });
  }

  async close(): Promise<void> {
    await this.stopSync();
    for (const client of this.#clients.values()) client.disconnect();
    for (const server of this.#servers.values()) await server.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Gives each test a world of its own, so that the tests of a file can run side by side. They mostly wait. */
export const lossyTest = test.extend<{ world: LossyWorld }>({
  // vitest wants to see a pattern here.
  // oxlint-disable-next-line no-empty-pattern
  world: async ({}, use) => {
    const world = new LossyWorld();
    await use(world);
    await world.close();
  },
});
