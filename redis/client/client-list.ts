import type { Redis } from 'ioredis';
import { infoField } from './server-info.ts';

/** One line of CLIENT LIST. */
export type Client = {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly command: string;
  /** One letter for each property: `S` replica, `M` master, `O` MONITOR, … */
  readonly flags: string;
  readonly database: number;
  /** Seconds since its last command. */
  readonly idle: number;
};

/** Up to this many clients are listed in one call, which takes the server 1 to 2 ms. 10 000 would stall the server. */
const WHOLE_LIST = 100;
/** Ids in one call. Most old ids belong to connections that no longer exist. */
const PIECE_IDS = 100;
/**
 * After this many ids we request the whole list instead. A server that has had very many clients reaches this limit.
 */
const MOST_IDS = 200_000;

type Known = { readonly ids: readonly number[]; readonly newest: number };

/** The clients that the last call on a connection found. The next call asks for these ids and for newer ones only. */
const known = new WeakMap<Redis, Known>();

/**
 * Returns the clients that are connected to a server, as CLIENT LIST shows them. Many clients are read in pieces.
 * CLIENT LIST has no cursor. But the server numbers its connections upwards, so we ask for ids from the newest one down
 * until we have found all connected clients.
 */
export async function eachClient(redis: Redis): Promise<readonly Client[]> {
  const connected = await countClients(redis);
  if (connected <= WHOLE_LIST) return read(await redis.call('CLIENT', ['LIST']));
  const newest = await newestId(redis);
  const before = known.get(redis);
  const clients = before
    ? await withIds(redis, [...before.ids, ...range(before.newest + 1, newest)])
    : await downFrom(redis, newest, connected);
  known.set(redis, { ids: clients.map(({ id }) => Number(id)), newest });
  return clients;
}

async function downFrom(redis: Redis, newest: number, connected: number): Promise<readonly Client[]> {
  const found: Client[] = [];
  for (let top = newest; top > 0; top -= PIECE_IDS) {
    if (found.length >= connected) return found;
    if (newest - top >= MOST_IDS) return read(await redis.call('CLIENT', ['LIST']));
    found.push(...(await withIds(redis, range(Math.max(1, top - PIECE_IDS + 1), top))));
  }
  return found;
}

async function withIds(redis: Redis, ids: readonly number[]): Promise<readonly Client[]> {
  const found: Client[] = [];
  for (let from = 0; from < ids.length; from += PIECE_IDS) {
    const piece = ids.slice(from, from + PIECE_IDS).map(String);
    found.push(...read(await redis.call('CLIENT', ['LIST', 'ID', ...piece])));
  }
  return found;
}

async function countClients(redis: Redis): Promise<number> {
  return Number(infoField(await redis.info('clients'), 'connected_clients'));
}

/** Opens a connection and returns its id: no older connection has a greater one. */
async function newestId(redis: Redis): Promise<number> {
  const fresh = redis.duplicate();
  fresh.on('error', () => undefined);
  try {
    await fresh.connect();
    return Number(await fresh.client('ID'));
  } finally {
    fresh.disconnect();
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

function read(reply: unknown): readonly Client[] {
  return String(reply)
    .split('\n')
    .filter((line) => line !== '')
    .map(clientOf);
}

function clientOf(line: string): Client {
  const told = new Map(
    line.split(' ').map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
  const of = (name: string) => told.get(name) ?? '';
  return {
    id: of('id'),
    name: of('name'),
    user: of('user'),
    command: of('cmd'),
    flags: of('flags'),
    database: Number(of('db')),
    idle: Number(of('idle')),
  };
}
